/**
 * A network of nothing: the in-memory twin of `bun-network.ts` for tests. Bytes are delivered when
 * {@link MemoryNetwork.flush} runs, so a test decides what happens when.
 *
 * TLS here is a handshake of certificates without encryption: chains, dates and
 * identities are checked as on the real one.
 *
 * @module
 */
import { X509Certificate } from "node:crypto";
import type { Clock } from "../base/clock.ts";
import { peerIdentity } from "./peer.ts";
import {
  type AcceptedSocket,
  type ClientTls,
  deafHandler,
  DialError,
  type DialOptions,
  type Listener,
  type ListenOptions,
  type Network,
  type PeerIdentity,
  type ServerTls,
  type Socket,
  type SocketAddress,
  type SocketHandler,
} from "./socket.ts";

/** How much a socket takes before the other side has read: small, so that tests meet backpressure. */
const WINDOW_BYTES = 65_536;

type Task = () => void;

export class MemoryNetwork implements Network {
  readonly #clock: Clock;
  readonly #listeners = new Map<string, (socket: MemorySocket) => void>();
  readonly #tasks: Task[] = [];
  /** As the kernel leads connections elsewhere: where one to this address arrives. */
  redirect: (to: SocketAddress) => SocketAddress = (to) => to;
  #nextPort = 20_000;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  listen(options: ListenOptions, onConnection: (socket: AcceptedSocket) => void): Promise<Listener> {
    const port = options.port === 0 ? this.#nextPort++ : options.port;
    const key = options.path ?? `${options.address}:${port}`;
    if (this.#listeners.has(key)) return Promise.reject(new Error(`cannot listen on ${key}: EADDRINUSE`));
    const { tls } = options;
    this.#listeners.set(key, (socket) => {
      if (tls === undefined) return onConnection(socket);
      socket.handler = {
        ...deafHandler,
        onData: (first) =>
          socket.startTls(
            tls(),
            first,
            (secure) => onConnection(secure as MemorySocket),
            () => {},
          ),
      };
    });
    return Promise.resolve({ port, close: () => void this.#listeners.delete(key) });
  }

  dial(options: DialOptions, onOpen: (socket: Socket) => void, onFail: (error: DialError) => void): void {
    const arrives = this.redirect({ address: options.address, port: options.port });
    const key = options.path ?? `${arrives.address}:${arrives.port}`;
    this.later(() => {
      const accept = this.#listeners.get(key);
      if (accept === undefined) return onFail(new DialError("refused", `${key}: ECONNREFUSED`));
      const local = { address: options.localAddress ?? "127.0.0.1", port: this.#nextPort++ };
      const dialed = { address: options.address, port: options.port };
      const client = new MemorySocket(this, this.#clock, dialed, local);
      const server = new MemorySocket(this, this.#clock, local, arrives);
      if (arrives.address !== dialed.address || arrives.port !== dialed.port) server.dialedTo = dialed;
      client.join(server);
      accept(server);
      if (options.preface !== undefined) client.write(options.preface);
      if (options.tls === undefined) return onOpen(client);
      client.startClientTls(options.tls, onOpen, (why) => onFail(new DialError("tls", `${key}: ${why}`)));
    });
  }

  /** Puts off `task` until {@link flush}. */
  later(task: Task): void {
    this.#tasks.push(task);
  }

  /** Delivers everything that is under way, and what comes of it. */
  flush(): void {
    for (let task = this.#tasks.shift(); task !== undefined; task = this.#tasks.shift()) task();
  }
}

/** What each side shows the other in the place of a TLS handshake. */
interface Hello {
  readonly certChainPem: string | undefined;
  readonly sni: string | undefined;
  readonly alpn: readonly string[];
}

/** Of the extension that holds a {@link Hello}; the number is for private use (RFC 8446 §11). */
const HELLO_EXTENSION = 0xff07;

/** A ClientHello (RFC 8446 §4.1.2) with server name and protocols, so that listeners choose by it here as well. */
function clientHello(hello: Hello): Buffer {
  const names = hello.alpn.map((name) => sized(1, Buffer.from(name)));
  const extensions = [
    hello.sni === undefined ? [] : [extension(0, sized(2, Buffer.from([0]), sized(2, Buffer.from(hello.sni))))],
    names.length === 0 ? [] : [extension(16, sized(2, ...names))],
    [extension(HELLO_EXTENSION, Buffer.from(JSON.stringify(hello)))],
  ].flat();
  const body = Buffer.concat([
    Buffer.from([3, 3]),
    Buffer.alloc(32),
    sized(1),
    sized(2, Buffer.from([0x13, 0x01])),
    sized(1, Buffer.from([0])),
    sized(2, ...extensions),
  ]);
  return Buffer.concat([Buffer.from([0x16, 3, 1]), sized(2, Buffer.from([1]), sized(3, body))]);
}

const extension = (type: number, data: Buffer): Buffer =>
  Buffer.concat([Buffer.from([type >> 8, type & 0xff]), sized(2, data)]);

/** The parts behind their length, which takes so many bytes. */
function sized(lengthBytes: number, ...parts: readonly Buffer[]): Buffer {
  const data = Buffer.concat(parts);
  const length = Buffer.alloc(lengthBytes);
  length.writeUIntBE(data.length, 0, lengthBytes);
  return Buffer.concat([length, data]);
}

/** What {@link clientHello} put in its last extension. */
function readHello(bytes: Uint8Array): Hello {
  const data = Buffer.from(bytes);
  return JSON.parse(data.subarray(data.indexOf('{"')).toString()) as Hello;
}

class MemorySocket implements AcceptedSocket {
  handler: SocketHandler = deafHandler;
  peer: PeerIdentity | undefined;
  alpn: string | undefined;
  sni: string | undefined;
  secure = false;
  remote: SocketAddress;
  local: SocketAddress;
  readonly directRemote: SocketAddress;
  originalDestination: SocketAddress | undefined;
  /** Of a connection that was led here. */
  dialedTo: SocketAddress | undefined;
  readonly #network: MemoryNetwork;
  readonly #clock: Clock;
  private other: MemorySocket | undefined;
  #inbox: Uint8Array[] = [];
  #inboxBytes = 0;
  #paused = false;
  #blockedWriter = false;
  private ended = false;
  #endSeen = false;
  private closed = false;
  private onHello: ((hello: Hello) => void) | undefined;

  constructor(network: MemoryNetwork, clock: Clock, remote: SocketAddress, local: SocketAddress) {
    this.#network = network;
    this.#clock = clock;
    this.remote = remote;
    this.directRemote = remote;
    this.local = local;
  }

  speakFor(remote: SocketAddress, local: SocketAddress): void {
    this.remote = remote;
    this.local = local;
  }

  restoreDestination(): void {
    if (this.dialedTo === undefined) return;
    this.originalDestination = this.dialedTo;
    this.local = this.dialedTo;
  }

  join(other: MemorySocket): void {
    this.other = other;
    other.other = this;
  }

  write(bytes: Uint8Array, offset = 0, length = bytes.length - offset): number {
    const other = this.other;
    if (this.closed || this.ended || other === undefined || other.closed) return 0;
    const taken = Math.min(length, WINDOW_BYTES - other.#inboxBytes);
    if (taken < length) other.#blockedWriter = true;
    if (taken <= 0) return 0;
    // Not `slice`: that of a Buffer copies nothing, and who writes may use the bytes again.
    other.#inbox.push(Buffer.from(bytes.subarray(offset, offset + taken)));
    other.#inboxBytes += taken;
    this.#network.later(() => other.deliver());
    return taken;
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#network.later(() => this.deliver());
  }

  end(): void {
    if (this.ended || this.closed) return;
    this.ended = true;
    this.#network.later(() => this.other?.deliver());
  }

  close(): void {
    this.end();
    this.closeWith(undefined);
  }

  destroy(): void {
    if (this.closed) return;
    this.closeWith(undefined);
    const other = this.other;
    this.#network.later(() => other?.closeWith(new Error("ECONNRESET")));
  }

  private closeWith(error: Error | undefined): void {
    if (this.closed) return;
    this.closed = true;
    this.#network.later(() => this.handler.onClose(error));
  }

  private deliver(): void {
    while (!this.#paused && !this.closed && this.#inbox.length > 0) this.#deliverOne();
    if (this.#blockedWriter && this.#inboxBytes < WINDOW_BYTES) {
      this.#blockedWriter = false;
      const writer = this.other;
      this.#network.later(() => !writer?.closed && writer?.handler.onDrain());
    }
    if (this.other?.ended && this.#inbox.length === 0 && !this.#endSeen && !this.closed) {
      this.#endSeen = true;
      this.handler.onEnd();
      if (this.ended) this.#bothEnded();
    }
  }

  #deliverOne(): void {
    const chunk = this.#inbox.shift() as Uint8Array;
    this.#inboxBytes -= chunk.length;
    this.handler.onData(chunk);
  }

  #bothEnded(): void {
    this.closeWith(undefined);
    this.other?.closeWith(undefined);
  }

  startClientTls(tls: ClientTls, onOpen: (socket: Socket) => void, onFailure: (why: string) => void): void {
    let settled = false;
    const onFail = (why: string): void => {
      if (!settled) onFailure(why);
      settled = true;
    };
    this.onHello = (hello) => {
      const { peer, why } = this.#verify(hello.certChainPem, tls);
      const refused = why ?? (peer === undefined ? "none was given" : tls.refusePeer(peer));
      if (refused !== undefined) {
        this.destroy();
        return onFail(`server certificate refused: ${refused}`);
      }
      this.#secured(peer, hello.alpn[0], tls.sni);
      onOpen(this);
    };
    this.write(clientHello({ certChainPem: tls.certChainPem, sni: tls.sni, alpn: tls.alpn }));
    this.handler = { ...deafHandler, onClose: () => onFail("connection closed during the TLS handshake") };
  }

  startTls(tls: ServerTls, first: Uint8Array, onOpen: (secure: Socket) => void, onFail: (error: Error) => void): void {
    const fail = (why: string): void => {
      this.destroy();
      onFail(new Error(why));
    };
    if (first[0] !== 0x16) return fail("not a TLS handshake");
    const hello = readHello(first);
    const found = tls.trustedCaPem === undefined ? {} : this.#verify(hello.certChainPem, tls);
    const isShown = hello.certChainPem !== undefined && tls.trustedCaPem !== undefined;
    const unwelcome = found.peer && tls.refusePeer?.(found.peer);
    const isAnybody = tls.letsUnverifiedIn === true && isShown && (found.peer === undefined || unwelcome !== undefined);
    const { peer, why } = isAnybody ? { peer: undefined, why: undefined } : found;
    if (
      !isAnybody &&
      peer === undefined &&
      (tls.requireClientCertificate || (tls.refuseUnverified === true && why !== undefined))
    )
      return fail(`client certificate refused: ${why ?? "none was given"}`);
    if (peer !== undefined && unwelcome !== undefined) return fail(unwelcome);
    const alpn = tls.alpn.find((name) => hello.alpn.includes(name));
    this.#secured(peer, alpn, hello.sni);
    const other = this.other;
    const answer = { certChainPem: tls.certChainPem, sni: undefined, alpn: alpn === undefined ? [] : [alpn] };
    this.#network.later(() => other?.onHello?.(answer));
    onOpen(this);
  }

  #secured(peer: PeerIdentity | undefined, alpn: string | undefined, sni: string | undefined): void {
    this.peer = peer;
    this.alpn = alpn;
    this.sni = sni;
    this.secure = true;
    this.handler = deafHandler;
  }

  #verify(
    chainPem: string | undefined,
    { trustedCaPem, crlPem }: Pick<ClientTls, "trustedCaPem" | "crlPem">,
  ): { peer?: PeerIdentity; why?: string } {
    if (chainPem === undefined) return {};
    if (crlPem !== undefined) return { why: "revocation lists are not read in memory" };
    const chain = certificatesIn(chainPem);
    const leaf = chain[0];
    if (leaf === undefined) return { why: "no certificate in the chain" };
    const roots = certificatesIn(trustedCaPem ?? "");
    const why = chainProblem(chain, roots, this.#clock.wallMs());
    return why === undefined ? { peer: peerIdentity(leaf) } : { why };
  }
}

function certificatesIn(pem: string): X509Certificate[] {
  return [...pem.matchAll(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g)].map(
    (m) => new X509Certificate(m[0]),
  );
}

function chainProblem(
  chain: readonly X509Certificate[],
  roots: readonly X509Certificate[],
  nowMs: number,
): string | undefined {
  for (const c of chain) {
    if (nowMs > Date.parse(c.validTo)) return "CERT_HAS_EXPIRED";
    if (nowMs < Date.parse(c.validFrom)) return "CERT_NOT_YET_VALID";
  }
  for (const [i, c] of chain.entries()) {
    if (roots.some((root) => c.fingerprint256 === root.fingerprint256 || c.verify(root.publicKey))) return undefined;
    const issuer = chain[i + 1];
    if (issuer === undefined || !c.verify(issuer.publicKey)) break;
  }
  return "UNABLE_TO_VERIFY_LEAF_SIGNATURE";
}

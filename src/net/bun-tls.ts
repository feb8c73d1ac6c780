/**
 * TLS on a native socket, as server and as client, with the checks that Bun leaves to us.
 *
 * @module
 */
import type { Socket as NativeSocket, TLSOptions } from "bun";
import { crlBlocks } from "../base/crl-pem.ts";
import { BunSocket, type Handshake, rawHandlers, type SocketState } from "./bun-socket.ts";
import { alpnWire, knownPeer } from "./peer.ts";
import type { ClientTls, PeerIdentity, ServerTls, Socket, SocketHandler } from "./socket.ts";

type Raw = NativeSocket<SocketState>;

/** Fields that Bun takes and its types of 1.4.5 lack: `isServer`, and the bytes that were read before the upgrade. */
interface Upgrade {
  readonly tls: TLSOptions;
  readonly isServer?: boolean;
  readonly initialData?: Uint8Array;
  readonly data: SocketState;
  readonly socket: object;
}
type Upgradable = { upgradeTLS(options: Upgrade): [Raw, Raw] };

/** A context costs 50 kB and half a millisecond: the same settings get the same options object, and Bun its context by it. */
const serverOptions = new WeakMap<ServerTls, TLSOptions>();
const clientOptions = new WeakMap<ClientTls, TLSOptions>();

function optionsOfServer(tls: ServerTls): TLSOptions {
  let options = serverOptions.get(tls);
  if (options === undefined) {
    options = {
      cert: tls.certChainPem,
      key: tls.privateKeyPem,
      requestCert: tls.trustedCaPem !== undefined,
      rejectUnauthorized: tls.requireClientCertificate && tls.letsUnverifiedIn !== true,
      ...(tls.trustedCaPem === undefined ? {} : { ca: tls.trustedCaPem }),
      ...revocations(tls),
      ...(tls.alpn.length === 0 ? {} : { ALPNProtocols: alpnWire(tls.alpn) }),
      ...limitOptions(tls),
    };
    serverOptions.set(tls, options);
  }
  return options;
}

/** SSL_OP_NO_TLSv1_2 and SSL_OP_NO_TLSv1_3 of OpenSSL: a minimum and maximum that Bun 1.4.5 takes on native sockets. */
const NO_TLS_1_2 = 0x0800_0000;
const NO_TLS_1_3 = 0x2000_0000;

function limitOptions({ limits }: ServerTls | ClientTls): Pick<TLSOptions, "secureOptions" | "ciphers"> {
  if (limits === undefined) return {};
  const secureOptions = (limits.minVersion === "1.3" ? NO_TLS_1_2 : 0) | (limits.maxVersion === "1.2" ? NO_TLS_1_3 : 0);
  return {
    ...(secureOptions === 0 ? {} : { secureOptions }),
    ...(limits.cipherSuites.length === 0 ? {} : { ciphers: limits.cipherSuites.join(":") }),
  };
}

/** Of text the library reads the first list alone: it gets one by one. What is none it refuses, and the connection with it. */
const revocations = ({ crlPem }: ServerTls | ClientTls): Pick<TLSOptions, "crl"> =>
  crlPem === undefined ? {} : { crl: [...(crlBlocks(crlPem) ?? [crlPem])] };

function optionsOfClient(tls: ClientTls): TLSOptions {
  let options = clientOptions.get(tls);
  if (options === undefined) {
    options = {
      // Bun checks no names on native sockets and would refuse certificates without one: the chain's verdict is read in `refusal`.
      rejectUnauthorized: false,
      ...(tls.certChainPem === undefined ? {} : { cert: tls.certChainPem }),
      ...(tls.privateKeyPem === undefined ? {} : { key: tls.privateKeyPem }),
      ...(tls.trustedCaPem === undefined ? {} : { ca: tls.trustedCaPem }),
      ...revocations(tls),
      ...(tls.sni === undefined ? {} : { serverName: tls.sni }),
      ...(tls.alpn.length === 0 ? {} : { ALPNProtocols: alpnWire(tls.alpn) }),
      ...limitOptions(tls),
    };
    clientOptions.set(tls, options);
  }
  return options;
}

/** Ends TLS on `under`, whose first bytes were read already. */
export function startServerTls(
  under: BunSocket,
  tls: ServerTls,
  first: Uint8Array,
  onOpen: (secure: Socket) => void,
  onFail: (error: Error) => void,
): void {
  const done = (secure: Raw, error: Error | null, ok: boolean): void => {
    // An untrusted client is ok here, one with which there is no common version or cipher is not.
    if (!ok) {
      secure.terminate();
      return onFail(new Error(`handshake failed: ${error?.message ?? "no reason was given"}`));
    }
    const shown = secure.authorized && tls.trustedCaPem !== undefined ? certificateOf(secure) : undefined;
    const isUnwelcome = tls.letsUnverifiedIn === true && shown !== undefined && tls.refusePeer?.(shown) !== undefined;
    const peer = isUnwelcome ? undefined : shown;
    const why = refusalOfClient(tls, secure, peer);
    if (why !== undefined) {
      secure.terminate();
      return onFail(new Error(why));
    }
    const sni = secure.getServername();
    onOpen(opened(under, secure, peer, typeof sni === "string" ? sni : undefined));
  };
  const handshake: Handshake = { done, failed: (why) => onFail(new Error(why)) };
  upgrade(under, { tls: optionsOfServer(tls), isServer: true, initialData: first }, handshake);
}

function opened(under: BunSocket, secure: Raw, peer: PeerIdentity | undefined, sni: string | undefined): BunSocket {
  const socket = new BunSocket(secure, { under, peer, alpn: alpnOf(secure), sni });
  secure.data.socket = socket;
  return socket;
}

function refusalOfClient(tls: ServerTls, secure: Raw, peer: PeerIdentity | undefined): string | undefined {
  if (peer === undefined) {
    const isShown = secure.getPeerX509Certificate() !== undefined;
    if (isShown && tls.letsUnverifiedIn === true) return undefined;
    const wrong = tls.refuseUnverified === true && isShown;
    if (!tls.requireClientCertificate && !wrong) return undefined;
    const why = isShown ? authorizationError(secure) : undefined;
    return `client certificate refused: ${why ?? "none was given"}`;
  }
  return tls.refusePeer?.(peer);
}

/** Starts TLS on `under`, just connected; `onFail` gets the reason in words. */
export function startClientTls(
  under: BunSocket,
  tls: ClientTls,
  onOpen: (secure: Socket) => void,
  onFail: (why: string) => void,
): void {
  const done = (secure: Raw, error: Error | null): void => {
    const peer = certificateOf(secure);
    const why = refusalOfServer(tls, error, peer);
    if (why !== undefined) {
      secure.terminate();
      return onFail(why);
    }
    onOpen(opened(under, secure, peer, tls.sni));
  };
  upgrade(under, { tls: optionsOfClient(tls) }, { done, failed: onFail });
}

/** The chain's verdict comes first in Bun: the name error means that the chain is good, and names are checked here. */
function refusalOfServer(tls: ClientTls, error: Error | null, peer: PeerIdentity | undefined): string | undefined {
  const code = error === null ? undefined : String("code" in error ? error.code : error.message);
  if (code !== undefined && code !== "ERR_TLS_CERT_ALTNAME_INVALID") return `server certificate refused: ${code}`;
  if (peer === undefined) return "server certificate refused: none was given";
  return tls.refusePeer(peer);
}

/** What a connection needs of its handshake is forgotten when that is over: idle connections are many. */
function upgrade(
  under: BunSocket,
  options: Pick<Upgrade, "tls" | "isServer" | "initialData">,
  handshake: Handshake,
): void {
  const { raw } = under;
  const data: SocketState = { socket: undefined, handshake };
  under.handler = new Underlying(data);
  try {
    const [plain, secure] = (raw as unknown as Upgradable).upgradeTLS({ ...options, data, socket: secureHandlers });
    data.under = plain;
    under.raw = secure;
  } catch (cause) {
    // Suites that the library does not know are told only when a context is made of them.
    data.handshake = undefined;
    raw.terminate();
    handshake.failed(`TLS cannot be spoken: ${cause instanceof Error ? cause.message : String(cause)}`);
  }
}

/** The socket below TLS goes on reporting ciphertext, which is ignored; that it has closed is not. */
class Underlying implements SocketHandler {
  readonly #above: SocketState;

  constructor(above: SocketState) {
    this.#above = above;
  }

  onData(): void {}
  onDrain(): void {}
  onEnd(): void {}

  onClose(error: Error | undefined): void {
    closed(this.#above, error);
  }
}

function closed(state: SocketState, error: Error | undefined): void {
  if (state.socket !== undefined) return state.socket.closed(error);
  const { handshake } = state;
  state.handshake = undefined;
  handshake?.failed(`connection closed during the TLS handshake${error === undefined ? "" : `: ${error.message}`}`);
}

const secureHandlers = {
  ...rawHandlers,
  open(): void {},
  handshake(secure: Raw, ok: boolean, error: Error | null): void {
    const { handshake } = secure.data;
    secure.data.handshake = undefined;
    handshake?.done(secure, error, ok);
  },
  close: (secure: Raw, error?: Error): void => closed(secure.data, error),
  error(secure: Raw, error: Error): void {
    closed(secure.data, error);
    secure.terminate();
  },
};

function certificateOf(secure: Raw): PeerIdentity | undefined {
  const certificate = secure.getPeerX509Certificate();
  return certificate ? knownPeer(certificate) : undefined;
}

function alpnOf(secure: Raw): string | undefined {
  return typeof secure.alpnProtocol === "string" && secure.alpnProtocol !== "" ? secure.alpnProtocol : undefined;
}

function authorizationError(secure: Raw): string | undefined {
  const error = secure.getAuthorizationError();
  return error === null || error === undefined ? undefined : String("code" in error ? error.code : error.message);
}

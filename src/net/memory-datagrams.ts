/**
 * Datagrams of nothing: the in-memory twin of `bun-datagrams.ts` for tests. They arrive when {@link MemoryDatagrams.flush} runs.
 *
 * @module
 */
import type { DatagramHandler, DatagramNetwork, DatagramSocket } from "./datagrams.ts";
import type { SocketAddress } from "./socket.ts";

/** What fits into IPv4 behind its header and UDP's. */
const MAX_BYTES = 65_507;
const LOOPBACK = "127.0.0.1";

export class MemoryDatagrams implements DatagramNetwork {
  readonly #sockets = new Map<string, MemorySocket>();
  readonly #tasks: (() => void)[] = [];
  /** Sockets that {@link connect} may still give; a test lowers it. */
  left = Number.POSITIVE_INFINITY;
  #nextPort = 40_000;

  bind({ address, port }: SocketAddress, handler: DatagramHandler): Promise<DatagramSocket> {
    const local = { address, port: port === 0 ? this.#nextPort++ : port };
    if (this.#sockets.has(keyOf(local)))
      return Promise.reject(new Error(`cannot listen on ${keyOf(local)}: EADDRINUSE`));
    return Promise.resolve(this.#open(local, undefined, handler));
  }

  connect(to: SocketAddress, handler: DatagramHandler): DatagramSocket {
    if (this.left-- <= 0) throw new Error(`no socket for datagrams to ${keyOf(to)}: EMFILE`);
    return this.#open({ address: LOOPBACK, port: this.#nextPort++ }, to, handler);
  }

  #open(local: SocketAddress, peer: SocketAddress | undefined, handler: DatagramHandler): MemorySocket {
    const socket = new MemorySocket(this, local, peer, handler);
    this.#sockets.set(keyOf(local), socket);
    return socket;
  }

  /** How many sockets are open. */
  get count(): number {
    return this.#sockets.size;
  }

  forget(socket: MemorySocket): void {
    this.#sockets.delete(keyOf(socket.local));
  }

  carry(from: MemorySocket, to: SocketAddress, bytes: Uint8Array): void {
    this.#tasks.push(() => {
      const receiver = this.#sockets.get(keyOf(to));
      if (receiver === undefined) from.refused();
      else receiver.take(bytes, from.local);
    });
  }

  /** Delivers everything that is under way, and what comes of it. */
  flush(): void {
    for (let task = this.#tasks.shift(); task !== undefined; task = this.#tasks.shift()) task();
  }
}

const keyOf = ({ address, port }: SocketAddress): string => `${address}:${port}`;

class MemorySocket implements DatagramSocket {
  readonly local: SocketAddress;
  readonly #network: MemoryDatagrams;
  readonly #peer: SocketAddress | undefined;
  readonly #handler: DatagramHandler;
  #isClosed = false;

  constructor(
    network: MemoryDatagrams,
    local: SocketAddress,
    peer: SocketAddress | undefined,
    handler: DatagramHandler,
  ) {
    this.local = local;
    this.#network = network;
    this.#peer = peer;
    this.#handler = handler;
  }

  send(bytes: Uint8Array, port = 0, address = ""): boolean {
    if (this.#isClosed || bytes.length > MAX_BYTES) return false;
    this.#network.carry(this, this.#peer ?? { address, port }, Buffer.from(bytes));
    return true;
  }

  take(bytes: Uint8Array, from: SocketAddress): void {
    if (this.#isClosed || (this.#peer !== undefined && keyOf(this.#peer) !== keyOf(from))) return;
    this.#handler.onDatagram(bytes, from.address, from.port);
  }

  /** Nobody listens where it sends to: only who is connected is told. */
  refused(): void {
    if (!this.#isClosed && this.#peer !== undefined) this.#handler.onError("ECONNREFUSED");
  }

  close(): void {
    this.#isClosed = true;
    this.#network.forget(this);
  }
}

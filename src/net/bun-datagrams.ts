/**
 * UDP sockets of the operating system, through Bun's.
 *
 * What must be known of Bun 1.4.5 (`datagrams.test.ts` holds it): a socket for an IP address is there at once, though it comes in a promise, and
 * what fails is thrown; `send` throws for a datagram that is too large, and on a socket that is closed; an ICMP refusal comes as an error of a connected
 * socket. To which address of the machine a datagram was sent is not told.
 *
 * @module
 */
import type { udp } from "bun";
import { readFileSync } from "node:fs";
import { parseIp } from "../base/ip-address.ts";
import type { DatagramHandler, DatagramNetwork, DatagramSocket } from "./datagrams.ts";
import { listenError } from "./bun-network.ts";
import type { SocketAddress } from "./socket.ts";

type Connected = udp.ConnectedSocket<"uint8array">;
type Bound = udp.Socket<"uint8array">;

/** Of all listeners together: whoever forges senders must not keep connections out. */
let connected = 0;
let most: number | undefined;

/** Of files and sockets; where nobody says, there is none. */
function descriptorLimit(): number {
  try {
    const found = /^Max open files\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8"))?.[1];
    return found === undefined ? Number.POSITIVE_INFINITY : Number(found);
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}

export const bunDatagrams: DatagramNetwork = {
  async bind(at, handler) {
    try {
      const raw = await Bun.udpSocket<"uint8array">({
        hostname: at.address,
        port: at.port,
        binaryType: "uint8array",
        socket: told(handler),
      });
      return new BunDatagrams(raw, (bytes, port, address) => raw.send(bytes, port, address));
    } catch (cause) {
      throw listenError(at, cause);
    }
  },
  connect(to, handler) {
    // Bun would look a name up, and everything would wait for it.
    if (parseIp(to.address) === undefined)
      throw new Error(`no socket for datagrams to ${to.address}:${to.port}: it is no IP address`);
    most ??= Math.floor(descriptorLimit() / 2);
    if (connected >= most)
      throw new Error(
        `no socket for datagrams to ${to.address}:${to.port}: ${most} are open, half of the descriptors that this process may have`,
      );
    const raw = open(to, handler);
    connected++;
    return new BunDatagrams(
      raw,
      (bytes) => raw.send(bytes),
      () => connected--,
    );
  },
};

function open(to: SocketAddress, handler: DatagramHandler): Connected {
  const { address: hostname, port } = to;
  try {
    const opening = Bun.udpSocket<"uint8array">({
      connect: { hostname, port },
      binaryType: "uint8array",
      socket: told(handler),
    });
    const raw = Bun.peek(opening);
    if (!(raw instanceof Promise)) return raw;
    void opening.then((late) => late.close());
  } catch (cause) {
    throw new Error(`no socket for datagrams to ${hostname}:${port}: ${codeOf(cause)}`, { cause });
  }
  throw new Error(`no socket for datagrams to ${hostname}:${port}: it did not come at once`);
}

const codeOf = (error: unknown): string =>
  error instanceof Error
    ? String("code" in error && error.code !== undefined ? error.code : error.message)
    : String(error);

const told = (handler: DatagramHandler) => ({
  data: (_: unknown, bytes: Uint8Array, port: number, address: string): void =>
    handler.onDatagram(bytes, address, port),
  // Bun's types have the socket first; what comes is the error alone.
  error: (...found: readonly unknown[]): void => handler.onError(codeOf(found.at(-1))),
});

class BunDatagrams implements DatagramSocket {
  readonly local: SocketAddress;
  readonly #raw: Connected | Bound;
  readonly #send: (bytes: Uint8Array, port: number, address: string) => boolean;
  readonly #onClosed: () => void;
  #isClosed = false;

  constructor(
    raw: Connected | Bound,
    send: (bytes: Uint8Array, port: number, address: string) => boolean,
    onClosed: () => void = () => {},
  ) {
    this.local = { address: raw.address.address, port: raw.port };
    this.#raw = raw;
    this.#send = send;
    this.#onClosed = onClosed;
  }

  send(bytes: Uint8Array, port = 0, address = ""): boolean {
    if (this.#isClosed) return false;
    try {
      return this.#send(bytes, port, address);
    } catch {
      return false;
    }
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#raw.close();
    this.#onClosed();
  }
}

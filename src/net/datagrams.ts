/**
 * What datagrams are to the rest of the project: UDP. `bun-datagrams.ts` has real sockets, `memory-datagrams.ts` none; both pass
 * `tests/suites/datagrams.ts`.
 *
 * @module
 */
import type { SocketAddress } from "./socket.ts";

export interface DatagramHandler {
  /** A whole datagram, perhaps an empty one. The bytes belong to the handler. */
  onDatagram(bytes: Uint8Array, address: string, port: number): void;
  /** What was sent has come to nothing, such as `ECONNREFUSED`: nobody listens there. The socket goes on. */
  onError(code: string): void;
}

export interface DatagramSocket {
  readonly local: SocketAddress;
  /**
   * One datagram. False: it was not taken, and is lost; it may be too large.
   * @param port And `address`: where it goes, where the socket is not connected.
   */
  send(bytes: Uint8Array, port?: number, address?: string): boolean;
  /** Nothing is told any more. */
  close(): void;
}

export interface DatagramNetwork {
  /** Rejects with an error that names address and port when it cannot be bound. @param at Port 0 picks a free one. */
  bind(at: SocketAddress, handler: DatagramHandler): Promise<DatagramSocket>;
  /** A socket of its own, which hears of this address alone. @throws {Error} When there is none to be had. */
  connect(to: SocketAddress, handler: DatagramHandler): DatagramSocket;
}

/** Of a process beside another that takes the datagrams: what is bound here hears nothing. */
export const datagramsElsewhere: DatagramNetwork = {
  bind: (local) => Promise.resolve({ local, send: () => false, close() {} }),
  connect({ address, port }) {
    throw new Error(`no datagrams are sent to ${address}:${port} from this process`);
  },
};

/**
 * Two sockets joined: bytes go both ways with backpressure, a half-close is passed on, and the end of one is the end
 * of the other.
 *
 * @module
 */
import type { Socket, SocketHandler } from "../net/socket.ts";
import { Output } from "./output.ts";

/** One direction's sink and the other's source. */
class Side implements SocketHandler {
  readonly socket: Socket;
  readonly #output: Output;
  other: Side | undefined;
  receivedBytes = 0;
  #ended = false;
  #endsAfterDrain = false;
  closed = false;
  readonly #onClosed: () => void;

  constructor(socket: Socket, onClosed: () => void) {
    this.socket = socket;
    this.#output = new Output(socket);
    this.#onClosed = onClosed;
  }

  onData(chunk: Uint8Array): void {
    this.receivedBytes += chunk.length;
    if (this.other !== undefined && !this.other.send(chunk)) this.socket.pause();
  }

  send(chunk: Uint8Array): boolean {
    return this.#output.write(chunk, 0, chunk.length, true);
  }

  onDrain(): void {
    if (!this.#output.flush()) return;
    if (this.#endsAfterDrain) this.socket.end();
    this.other?.socket.resume();
  }

  onEnd(): void {
    this.#ended = true;
    this.other?.endAfterWrites();
  }

  endAfterWrites(): void {
    if (this.#output.waitingBytes === 0) this.socket.end();
    else this.#endsAfterDrain = true;
  }

  onClose(): void {
    if (this.closed) return;
    this.closed = true;
    const { other } = this;
    if (other !== undefined && !other.closed) {
      // What it still has to send may go out when this side ended in order.
      if (this.#ended) other.endAfterWrites();
      else other.socket.destroy();
    }
    this.#onClosed();
  }
}

/** What a pair of sockets has carried so far. */
export interface Carried {
  /** From the client. */
  readonly receivedBytes: number;
  /** To the client. */
  readonly sentBytes: number;
}

class TcpTunnel implements Carried {
  readonly #downstream: Side;
  readonly #upstream: Side;
  #open = 2;

  constructor(downstream: Socket, upstream: Socket, first: Uint8Array | undefined, onEnd: (carried: Carried) => void) {
    const closed = (): void => {
      if (--this.#open === 0) onEnd(this);
    };
    this.#downstream = new Side(downstream, closed);
    this.#upstream = new Side(upstream, closed);
    this.#downstream.other = this.#upstream;
    this.#upstream.other = this.#downstream;
    downstream.handler = this.#downstream;
    upstream.handler = this.#upstream;
    // In this order: what came first may be more than the endpoint takes.
    downstream.resume();
    if (first !== undefined) this.#downstream.onData(first);
  }

  get receivedBytes(): number {
    return this.#downstream.receivedBytes;
  }

  get sentBytes(): number {
    return this.#upstream.receivedBytes;
  }
}

/**
 * Joins two sockets. Both must be open and not read from yet.
 * @param first What the client has sent already.
 * @param onEnd Called once when both are closed, with the bytes that went each way.
 */
export function joinSockets(
  downstream: Socket,
  upstream: Socket,
  first: Uint8Array | undefined,
  onEnd: (carried: Carried) => void,
): Carried {
  return new TcpTunnel(downstream, upstream, first, onEnd);
}

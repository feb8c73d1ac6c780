/**
 * Two sockets joined: bytes go both ways with backpressure, a half-close is passed on, and the end of one is the end
 * of the other.
 *
 * @module
 */
import { FREED_BYTES, freeChunk } from "../net/free-chunk.ts";
import type { Socket, SocketHandler } from "../net/socket.ts";
import { Output } from "./output.ts";

/** One direction's sink and the other's source. */
class Side implements SocketHandler {
  readonly socket: Socket;
  readonly #output: Output;
  other: Side | undefined;
  receivedBytes = 0;
  /** A read of which the other side has not sent all. */
  #lent: Uint8Array | undefined;
  #ended = false;
  #endsAfterDrain = false;
  closed = false;
  /** It broke off while the other side was still there. */
  wasReset = false;
  #isLeaving = false;
  readonly #onClosed: () => void;

  constructor(socket: Socket, onClosed: () => void) {
    this.socket = socket;
    this.#output = new Output(socket);
    this.#onClosed = onClosed;
  }

  onData(chunk: Uint8Array): void {
    this.receivedBytes += chunk.length;
    if (this.other === undefined) return;
    if (this.other.send(chunk)) {
      if (chunk.length >= FREED_BYTES) freeChunk(chunk);
      return;
    }
    this.#lent = chunk;
    this.socket.pause();
  }

  /** The other side has sent all that it had. */
  goOn(): void {
    if (this.#lent !== undefined) freeChunk(this.#lent);
    this.#lent = undefined;
    this.socket.resume();
  }

  send(chunk: Uint8Array): boolean {
    return this.#output.write(chunk, 0, chunk.length, true);
  }

  onDrain(): void {
    if (!this.#output.flush()) return;
    if (this.#endsAfterDrain) this.socket.end();
    this.other?.goOn();
  }

  onEnd(): void {
    this.#ended = true;
    this.other?.endAfterWrites();
  }

  endAfterWrites(): void {
    if (this.#output.waitingBytes === 0) this.socket.end();
    else this.#endsAfterDrain = true;
  }

  onClose(error: Error | undefined): void {
    if (this.closed) return;
    this.closed = true;
    const { other } = this;
    if (other !== undefined && !other.closed) {
      this.wasReset = error !== undefined;
      // What it still has to send may go out when this side ended in order.
      if (this.#ended) other.endAfterWrites();
      else if (!this.#isLeaving) other.socket.destroy();
    }
    this.#onClosed();
  }

  /** Closes it for another reason than that the other side did. */
  leave(): void {
    this.#isLeaving = true;
    this.socket.close();
  }
}

/** What an endpoint did before it was joined with its client. */
export interface Greeting {
  readonly heard: readonly Uint8Array[];
  /** It has half-closed. */
  readonly hasEnded: boolean;
}

/** A pair of sockets. */
export interface Tunnel {
  /** From the client, so far. */
  readonly receivedBytes: number;
  /** To the client, so far. */
  readonly sentBytes: number;
  /** The endpoint's connection broke off. */
  readonly upstreamWasReset: boolean;
  /** Closes both; what waits for a slow reader is lost. Over TLS the other side may keep it open. */
  close(): void;
  /** Closes both at once. */
  destroy(): void;
}

class TcpTunnel implements Tunnel {
  readonly #downstream: Side;
  readonly #upstream: Side;
  #open = 2;

  constructor(
    downstream: Socket,
    upstream: Socket,
    early: readonly Uint8Array[],
    hasEnded: boolean,
    greeting: Greeting | undefined,
    onEnd: (tunnel: Tunnel) => void,
  ) {
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
    for (const chunk of early) this.#downstream.onData(chunk);
    if (hasEnded) this.#downstream.onEnd();
    if (greeting !== undefined) this.#greet(greeting);
  }

  #greet({ heard, hasEnded }: Greeting): void {
    this.#upstream.socket.resume();
    for (const chunk of heard) this.#upstream.onData(chunk);
    if (hasEnded) this.#upstream.onEnd();
  }

  get receivedBytes(): number {
    return this.#downstream.receivedBytes;
  }

  get sentBytes(): number {
    return this.#upstream.receivedBytes;
  }

  get upstreamWasReset(): boolean {
    return this.#upstream.wasReset;
  }

  destroy(): void {
    this.#downstream.socket.destroy();
    this.#upstream.socket.destroy();
  }

  close(): void {
    this.#downstream.leave();
    this.#upstream.leave();
  }
}

/**
 * Joins two sockets. Both must be open.
 * @param early What the client has sent already.
 * @param hasEnded The client has half-closed already.
 * @param greeting Undefined where the endpoint's socket has not been read from, nor paused.
 * @param onEnd Called once when both are closed.
 */
export function joinSockets(
  downstream: Socket,
  upstream: Socket,
  early: readonly Uint8Array[],
  hasEnded: boolean,
  greeting: Greeting | undefined,
  onEnd: (tunnel: Tunnel) => void,
): Tunnel {
  return new TcpTunnel(downstream, upstream, early, hasEnded, greeting, onEnd);
}

/**
 * Two sockets joined: bytes go both ways with backpressure, a half-close is passed on, and the end of one is the end
 * of the other.
 *
 * @module
 */
import { FREED_BYTES, freeChunk } from "../net/free-chunk.ts";
import type { Socket, SocketHandler } from "../net/socket.ts";
import { Output } from "./output.ts";
import type { Flushable, Turn } from "./turn.ts";

/**
 * One direction's sink and the other's source. What is read is sent when all sockets that have something were read: in a row, reads
 * and writes cost the kernel less than in turn (4 % of a message of 1 kB), and who is woken by a write finds more to do.
 */
class Side implements SocketHandler, Flushable {
  readonly socket: Socket;
  readonly #output: Output;
  other: Side | undefined;
  receivedBytes = 0;
  /** A read that has not been sent. */
  #read: Uint8Array | undefined;
  /** A read of which the other side has not sent all. */
  #lent: Uint8Array | undefined;
  #ended = false;
  #endsAfterDrain = false;
  closed = false;
  /** It broke off while the other side was still there. */
  wasReset = false;
  #isLeaving = false;
  readonly #onClosed: () => void;

  readonly #round: Turn;

  constructor(socket: Socket, round: Turn, onClosed: () => void) {
    this.socket = socket;
    this.#round = round;
    this.#output = new Output(socket);
    this.#onClosed = onClosed;
  }

  onData(chunk: Uint8Array): void {
    this.receivedBytes += chunk.length;
    if (this.#read !== undefined) this.flush();
    // A large one leaves while the processor still has it in its cache.
    if (chunk.length >= FREED_BYTES) return this.#pass(chunk);
    this.#read = chunk;
    this.#round.atEnd(this);
  }

  flush(): void {
    const read = this.#read;
    if (read === undefined) return;
    this.#read = undefined;
    this.#pass(read);
  }

  #pass(chunk: Uint8Array): void {
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
    this.flush();
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
    this.flush();
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
    this.other?.flush();
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
    round: Turn,
    onEnd: (tunnel: Tunnel) => void,
  ) {
    const closed = (): void => {
      if (--this.#open === 0) onEnd(this);
    };
    this.#downstream = new Side(downstream, round, closed);
    this.#upstream = new Side(upstream, round, closed);
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
 * @param round Ends when all sockets that have something to say were read.
 * @param onEnd Called once when both are closed.
 */
export function joinSockets(
  downstream: Socket,
  upstream: Socket,
  early: readonly Uint8Array[],
  hasEnded: boolean,
  greeting: Greeting | undefined,
  round: Turn,
  onEnd: (tunnel: Tunnel) => void,
): Tunnel {
  return new TcpTunnel(downstream, upstream, early, hasEnded, greeting, round, onEnd);
}

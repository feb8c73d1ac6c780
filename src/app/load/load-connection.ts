/**
 * One connection of the load generator: one request at a time, dialed again when the other side has closed it.
 *
 * @module
 */
import type { Clock } from "../../base/clock.ts";
import { deafHandler, type Network, type Socket, type SocketHandler } from "../../net/socket.ts";
import { AnswerReader } from "./answer-reader.ts";
import type { SplitBy } from "./split.ts";
import type { FailureKind } from "./tally.ts";
import type { Target } from "./target.ts";

export interface ConnectionEvents {
  /** The reader has the answer. The connection is free again when this returns. */
  onAnswer(connection: LoadConnection): void;
  /** The request got no answer. Free again, and closed. */
  onFailure(connection: LoadConnection, kind: FailureKind, message: string): void;
}

export interface ConnectionOptions {
  readonly clock: Clock;
  readonly network: Network;
  readonly target: Target;
  readonly splitBy: SplitBy | undefined;
  readonly timeoutMs: number;
}

export class LoadConnection implements SocketHandler {
  readonly reader: AnswerReader;
  /** When the request in flight should have been sent. */
  intendedMs = 0;
  busy = false;
  #sentMs = 0;
  #socket: Socket | undefined;
  /** Bytes of the request that were taken. */
  #written = 0;
  /** Dials that were given up answer to an older number. */
  #dial = 0;
  readonly #options: ConnectionOptions;
  readonly #events: ConnectionEvents;

  constructor(options: ConnectionOptions, events: ConnectionEvents) {
    this.#options = options;
    this.#events = events;
    this.reader = new AnswerReader(options.target.isHead, options.splitBy);
  }

  /** Sends the request. Only when not busy. */
  send(intendedMs: number): void {
    this.busy = true;
    this.intendedMs = intendedMs;
    this.#sentMs = this.#options.clock.nowMs();
    this.#written = 0;
    this.reader.begin();
    if (this.#socket === undefined) this.#open();
    else this.#write();
  }

  /** Gives up a request that has waited too long. Called now and then. */
  checkTimeout(nowMs: number): void {
    const { timeoutMs } = this.#options;
    if (this.busy && nowMs - this.#sentMs >= timeoutMs) this.#fail("timeout", `no answer within ${timeoutMs} ms`);
  }

  close(): void {
    this.busy = false;
    this.#drop();
  }

  onData(chunk: Uint8Array): void {
    // Bytes that nobody asked for: whatever they are, the connection cannot be used any more.
    if (!this.busy) return this.#drop();
    const reading = this.reader.read(chunk);
    if (reading.t === "more") return;
    if (reading.t === "bad") return this.#fail("protocol", reading.reason);
    // An answer that comes before the request is out ends the connection: the rest of it would be read as the next one.
    this.#answered(reading.keepAlive && this.#written === this.#options.target.request.length);
  }

  onDrain(): void {
    if (this.busy) this.#write();
  }

  onEnd(): void {
    this.#ended("the connection was closed before the answer was complete");
  }

  onClose(error: Error | undefined): void {
    const why = error === undefined ? "" : ` (${error.message})`;
    this.#ended(`the connection was closed before the answer was complete${why}`);
  }

  #open(): void {
    const { network, target, timeoutMs } = this.#options;
    const dial = ++this.#dial;
    network.dial(
      { address: target.address, port: target.port, connectTimeoutMs: timeoutMs },
      (socket) => {
        if (dial !== this.#dial || !this.busy) return socket.destroy();
        this.#socket = socket;
        socket.handler = this;
        this.#write();
      },
      (error) => {
        if (dial === this.#dial && this.busy) this.#fail("connect", error.message);
      },
    );
  }

  #write(): void {
    const { request } = this.#options.target;
    if (this.#socket !== undefined && this.#written < request.length)
      this.#written += this.#socket.write(request, this.#written);
  }

  #ended(message: string): void {
    if (!this.busy) return this.#drop();
    if (this.reader.end()) this.#answered(false);
    else this.#fail("reset", message);
  }

  #answered(keepAlive: boolean): void {
    this.busy = false;
    if (!keepAlive) this.#drop();
    this.#events.onAnswer(this);
  }

  #fail(kind: FailureKind, message: string): void {
    this.busy = false;
    this.#drop();
    this.#events.onFailure(this, kind, message);
  }

  #drop(): void {
    this.#dial++;
    const socket = this.#socket;
    this.#socket = undefined;
    if (socket === undefined) return;
    socket.handler = deafHandler;
    socket.destroy();
  }
}

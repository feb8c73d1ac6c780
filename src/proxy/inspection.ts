/**
 * A connection whose first bytes are awaited: by its listener's filters, or by a chain that ends TLS.
 *
 * @module
 */
import type { Clock, Timer } from "../base/clock.ts";
import type { Socket, SocketHandler } from "../net/socket.ts";
import type { FirstBytes } from "./first-bytes.ts";

export type InspectionEnd =
  | { readonly t: "done" }
  | { readonly t: "refused"; readonly why: string }
  | { readonly t: "timeout" }
  /** The client went away, or ended before it had said enough. */
  | { readonly t: "left" };

const DONE: InspectionEnd = { t: "done" };

/** Who asked for an inspection. */
export interface Inspector {
  /** Called once. The socket's handler is whoever takes it over; until then nothing that comes is heard. */
  onInspected(end: InspectionEnd): void;
  /** The last of several waits has begun. @param decide Ends the inspection as done, by what is known so far. */
  onLastWait?(decide: () => void): void;
}

/**
 * Feeds what a client sends to `first`, until that knows enough.
 *
 * @param waitsMs How long that may take: all of them, one after the other.
 */
export function inspect(
  socket: Socket,
  first: FirstBytes,
  clock: Clock,
  waitsMs: readonly number[],
  inspector: Inspector,
): void {
  socket.handler = new Inspection(first, clock, waitsMs, inspector);
}

class Inspection implements SocketHandler {
  readonly #first: FirstBytes;
  readonly #clock: Clock;
  readonly #waitsMs: readonly number[];
  readonly #inspector: Inspector;
  #timer: Timer;
  /** Of the waits, the one that is under way. */
  #wait = 0;
  #hasEnded = false;

  constructor(first: FirstBytes, clock: Clock, waitsMs: readonly number[], inspector: Inspector) {
    this.#first = first;
    this.#clock = clock;
    this.#waitsMs = waitsMs;
    this.#inspector = inspector;
    this.#timer = this.#after(waitsMs[0] ?? 0);
  }

  #after(delayMs: number): Timer {
    return this.#clock.after(delayMs, () => this.#due());
  }

  #due(): void {
    const nextMs = this.#waitsMs[++this.#wait];
    if (nextMs === undefined) return this.#end({ t: "timeout" });
    this.#timer = this.#after(nextMs);
    if (this.#wait === this.#waitsMs.length - 1) this.#inspector.onLastWait?.(() => this.#end(DONE));
  }

  onData(chunk: Uint8Array): void {
    if (this.#hasEnded) return;
    const verdict = this.#first.push(chunk);
    if (verdict.t === "done") this.#end(DONE);
    else if (verdict.t === "refused") this.#end(verdict);
  }

  onDrain(): void {}

  onEnd(): void {
    this.#end({ t: "left" });
  }

  onClose(): void {
    this.#end({ t: "left" });
  }

  #end(end: InspectionEnd): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#timer.cancel();
    this.#inspector.onInspected(end);
  }
}

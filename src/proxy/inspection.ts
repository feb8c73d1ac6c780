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

/**
 * Feeds what a client sends to `first`, until that knows enough.
 *
 * @param onEnd Called once. The socket's handler is whoever takes it over; until then nothing that comes is heard.
 */
export function inspect(
  socket: Socket,
  first: FirstBytes,
  clock: Clock,
  timeoutMs: number,
  onEnd: (end: InspectionEnd) => void,
): void {
  socket.handler = new Inspection(first, clock, timeoutMs, onEnd);
}

class Inspection implements SocketHandler {
  readonly #first: FirstBytes;
  readonly #timer: Timer;
  readonly #onEnd: (end: InspectionEnd) => void;
  #hasEnded = false;

  constructor(first: FirstBytes, clock: Clock, timeoutMs: number, onEnd: (end: InspectionEnd) => void) {
    this.#first = first;
    this.#onEnd = onEnd;
    this.#timer = clock.after(timeoutMs, () => this.#end({ t: "timeout" }));
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
    this.#onEnd(end);
  }
}

/**
 * Gives memory back when the work is done.
 *
 * A control plane works in bursts (documents change, certificates are renewed) and waits in between. What a burst leaves
 * behind, garbage and compiled code, is given back once it is over.
 *
 * @module
 */
import type { Clock, Timer } from "../../base/clock.ts";

/** From the first piece of work to the relief: a burst is over by then, and steady work is not disturbed often. */
const AFTER_MS = 10_000;

export class MemoryRelief {
  readonly #clock: Clock;
  readonly #relieve: (() => void) | undefined;
  #timer: Timer | undefined;

  constructor(clock: Clock, relieve: (() => void) | undefined) {
    this.#clock = clock;
    this.#relieve = relieve;
  }

  /** There was work. */
  worked(): void {
    if (this.#relieve === undefined) return;
    this.#timer ??= this.#clock.after(AFTER_MS, () => {
      this.#timer = undefined;
      this.#relieve?.();
    });
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }
}

/** Collects garbage and drops compiled code: 30 ms, and 10 to 25 MB of a process that has worked. */
export function relieveMemory(): void {
  Bun.gc(true);
  Bun.shrink();
}

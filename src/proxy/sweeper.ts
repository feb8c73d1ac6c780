/**
 * A slow beat, about once a second, for timeouts of minutes: cheaper than a timer for each connection.
 *
 * @module
 */
import type { Clock, Timer } from "../base/clock.ts";

const BEAT_MS = 1000;

export class Sweeper {
  readonly #clock: Clock;
  readonly #beat: (nowMs: number) => void;
  #timer: Timer | undefined;
  #stopped = false;

  constructor(clock: Clock, beat: (nowMs: number) => void) {
    this.#clock = clock;
    this.#beat = beat;
    this.#schedule();
  }

  #schedule(): void {
    this.#timer = this.#clock.after(BEAT_MS, () => {
      if (this.#stopped) return;
      this.#beat(this.#clock.nowMs());
      this.#schedule();
    });
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }
}

/**
 * How late a process is to what is due, told from looks at the clock that were to happen at set times. Pure.
 *
 * Being late once says little: the machine may have been busy with something else. Two looks that follow each other must be
 * late; then the estimate falls slowly, or a proxy would shed everything and nothing by turns.
 *
 * @module
 */

/** What is left of the estimate after one look that was in time. */
const DECAY = 0.8;

export class Lateness {
  #last = 0;
  #estimate = 0;

  /** Milliseconds. */
  get ms(): number {
    return this.#estimate;
  }

  /** Notes a look that was late by `lateMs`. */
  look(lateMs: number): void {
    this.#estimate = Math.max(Math.min(this.#last, lateMs), this.#estimate * DECAY);
    this.#last = lateMs;
  }

  /** Notes that the next look is late by `lateMs` already. */
  waiting(lateMs: number): void {
    this.#estimate = Math.max(Math.min(this.#last, lateMs), this.#estimate);
  }

  /** From how late on {@link waiting} would raise the estimate; Infinity where it cannot. */
  get risesFromMs(): number {
    return this.#last > this.#estimate ? this.#estimate : Number.POSITIVE_INFINITY;
  }
}

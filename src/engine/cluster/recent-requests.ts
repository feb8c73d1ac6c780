/**
 * How many requests have begun of late, for a retry budget that looks back.
 *
 * Source: Envoy's `retry_budget.budget_interval` and its `RetryBudgetImpl`: ten parts of the interval, of which the one that is under way and the
 * nine before it count.
 *
 * @module
 */
const PARTS = 10;

export class RecentRequests {
  readonly #partMs: number;
  readonly #counts = new Float64Array(PARTS);
  #part = 0;
  #sum = 0;

  /** @param intervalMs At least 1. */
  constructor(intervalMs: number) {
    this.#partMs = Math.max(1, Math.floor(intervalMs / PARTS));
  }

  add(nowMs: number): void {
    this.#advance(nowMs);
    this.#counts[this.#part % PARTS]! += 1;
    this.#sum += 1;
  }

  count(nowMs: number): number {
    this.#advance(nowMs);
    return this.#sum;
  }

  /** Parts that have become too old make room. */
  #advance(nowMs: number): void {
    const part = Math.floor(nowMs / this.#partMs);
    const old = Math.min(part - this.#part, PARTS);
    for (let i = 1; i <= old; i += 1) {
      const at = (this.#part + i) % PARTS;
      this.#sum -= this.#counts[at] as number;
      this.#counts[at] = 0;
    }
    this.#part = Math.max(part, this.#part);
  }
}

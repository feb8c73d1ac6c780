/**
 * Handles to single series: resolved from labels once, then each write is a few array accesses.
 *
 * A handle stays good for ever. If its series was taken away meanwhile (idle, or its cluster gone), the next write
 * makes the series anew; see `series-table.ts`.
 *
 * @module
 */
import type { Buckets } from "./buckets.ts";
import type { LabelSet } from "./labels.ts";
import type { SeriesTable } from "./series-table.ts";

/** A place in a table that survives the row being taken away. */
class Row {
  readonly table: SeriesTable;
  readonly labels: LabelSet;
  #row = 0;
  #generation = -1;

  constructor(table: SeriesTable, labels: LabelSet) {
    this.table = table;
    this.labels = labels;
    this.#resolve();
  }

  /** Index of the row's first number in `table.values`. */
  protected offset(): number {
    if (this.table.generations[this.#row] !== this.#generation) this.#resolve();
    return this.#row * this.table.width;
  }

  #resolve(): void {
    this.#row = this.table.row(this.labels);
    this.#generation = this.table.generations[this.#row] ?? 0;
  }
}

/** A number that only rises. */
export class Counter extends Row {
  /** @param n Must not be negative. */
  add(n = 1): void {
    const offset = this.offset();
    this.table.values[offset]! += n; // the row exists
  }

  get value(): number {
    return this.table.values[this.offset()] ?? 0;
  }
}

/** A number that goes both ways. */
export class Gauge extends Row {
  add(n = 1): void {
    const offset = this.offset();
    this.table.values[offset]! += n; // the row exists
  }

  set(value: number): void {
    this.table.values[this.offset()] = value;
  }

  get value(): number {
    return this.table.values[this.offset()] ?? 0;
  }
}

/** Counts of values by size. A row holds a count for each bucket, then `+Inf`, then the sum of the values. */
export class Histogram extends Row {
  readonly #buckets: Buckets;

  constructor(table: SeriesTable, labels: LabelSet, buckets: Buckets) {
    super(table, labels);
    this.#buckets = buckets;
  }

  observe(value: number): void {
    const offset = this.offset();
    const { values } = this.table;
    values[offset + this.#buckets.indexOf(value)]! += 1; // the row has a cell for each bucket
    values[offset + this.#buckets.bounds.length + 1]! += value; // and one for the sum
  }

  /** Count of values seen. */
  get count(): number {
    const offset = this.offset();
    let count = 0;
    for (let i = 0; i <= this.#buckets.bounds.length; i++) count += this.table.values[offset + i] ?? 0;
    return count;
  }

  get sum(): number {
    return this.table.values[this.offset() + this.#buckets.bounds.length + 1] ?? 0;
  }
}

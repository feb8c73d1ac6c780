/**
 * The series of one metric: numbers in one typed array, a row for each combination of labels.
 *
 * A holder keeps a row number and the row's generation. When a row is taken away, its generation rises, so a holder
 * notices on its next write and asks for a row again: the table never has to know its holders, and a row that is
 * used anew cannot be written by the wrong one. A series that comes back starts at zero, which readers of counters
 * take for a restart.
 *
 * Row 0 is the overflow: what finds no room is counted there, under {@link OVERFLOW}, so that sums stay right.
 *
 * @module
 */
import { LabelSet } from "./labels.ts";

/** Labels of the row that takes what is over the limit. */
export const OVERFLOW = new LabelSet({ tulle_overflow: "true" });

const OVERFLOW_ROW = 0;
const FIRST_ROWS = 8;

export class SeriesTable {
  /** `width` numbers for each row. Replaced when it grows: read it anew for each write. */
  values: Float64Array;
  /** Rises when a row changes hands. Replaced when it grows. */
  generations: Uint32Array;
  readonly width: number;
  readonly #maxRows: number;
  readonly #onRefused: () => void;
  readonly #rows = new Map<string, number>();
  readonly #labels: LabelSet[] = [OVERFLOW];
  readonly #free: number[] = [];
  #seenSum: Float64Array;
  #changedMs: Float64Array;
  #overflowUsed = false;

  /**
   * @param width Numbers in a row.
   * @param maxSeries Most series at a time, the overflow not counted.
   * @param onRefused Called each time that a series finds no room.
   */
  constructor(width: number, maxSeries: number, onRefused: () => void) {
    this.width = width;
    this.#maxRows = maxSeries + 1;
    this.#onRefused = onRefused;
    this.values = new Float64Array(FIRST_ROWS * width);
    this.generations = new Uint32Array(FIRST_ROWS);
    this.#seenSum = new Float64Array(FIRST_ROWS).fill(Number.NaN);
    this.#changedMs = new Float64Array(FIRST_ROWS);
  }

  /** The row of these labels, made if need be; the overflow row when there is no room. */
  row(labels: LabelSet): number {
    const known = this.#rows.get(labels.text);
    if (known !== undefined) return known;
    const free = this.#free.pop() ?? (this.#labels.length < this.#maxRows ? this.#labels.length : OVERFLOW_ROW);
    if (free === OVERFLOW_ROW) {
      this.#overflowUsed = true;
      this.#onRefused();
      return OVERFLOW_ROW;
    }
    this.#grow(free);
    this.#labels[free] = labels;
    this.#rows.set(labels.text, free);
    return free;
  }

  /** Takes the series away; a holder that writes again makes it anew. */
  remove(labels: LabelSet): void {
    const row = this.#rows.get(labels.text);
    if (row !== undefined) this.#release(labels.text, row);
  }

  /** Takes away the series whose numbers have not changed for `idleMs`. Call it now and then, say once a minute. */
  sweep(nowMs: number, idleMs: number): void {
    for (const [text, row] of this.#rows) {
      const sum = this.#sum(row);
      if (sum !== this.#seenSum[row]) {
        this.#seenSum[row] = sum;
        this.#changedMs[row] = nowMs;
      } else if (nowMs - (this.#changedMs[row] ?? 0) >= idleMs) {
        this.#release(text, row);
      }
    }
  }

  /** Series at the moment, the overflow among them once it has been used. */
  *series(): Generator<readonly [labels: LabelSet, row: number]> {
    for (const row of this.#rows.values()) yield [this.#labels[row] ?? OVERFLOW, row];
    if (this.#overflowUsed) yield [OVERFLOW, OVERFLOW_ROW];
  }

  get size(): number {
    return this.#rows.size;
  }

  #release(text: string, row: number): void {
    this.#rows.delete(text);
    this.#labels[row] = OVERFLOW;
    this.values.fill(0, row * this.width, (row + 1) * this.width);
    this.#seenSum[row] = Number.NaN;
    this.generations[row]! += 1; // the row exists
    this.#free.push(row);
    // There is room again: whoever writes to the overflow shall ask once more.
    this.generations[OVERFLOW_ROW]! += 1;
  }

  #sum(row: number): number {
    let sum = 0;
    for (let i = row * this.width; i < (row + 1) * this.width; i++) sum += this.values[i] ?? 0;
    return sum;
  }

  #grow(row: number): void {
    const rows = this.generations.length;
    if (row < rows) return;
    const next = Math.min(rows * 2, Math.max(this.#maxRows, row + 1));
    this.values = copied(this.values, new Float64Array(next * this.width));
    this.generations = copied(this.generations, new Uint32Array(next));
    this.#seenSum = copied(this.#seenSum, new Float64Array(next).fill(Number.NaN));
    this.#changedMs = copied(this.#changedMs, new Float64Array(next));
  }
}

function copied<T extends Float64Array | Uint32Array>(from: T, to: T): T {
  to.set(from);
  return to;
}

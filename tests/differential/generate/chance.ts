/**
 * Choices of a generator that repeat for the same seed.
 *
 * @module
 */
import { type Random, seededRandom } from "../../../src/base/random.ts";

export class Chance {
  readonly #random: Random;

  constructor(seed: number) {
    this.#random = seededRandom(seed);
  }

  /** True in a part of all cases. */
  often(part: number): boolean {
    return this.#random() < part;
  }

  /** From `low` to `high`, both included. */
  int(low: number, high: number): number {
    return low + Math.floor(this.#random() * (high - low + 1));
  }

  one<T>(of: readonly [T, ...T[]] | readonly T[]): T {
    return of[this.int(0, of.length - 1)] as T;
  }

  /** What is made, or nothing. */
  maybe<T>(part: number, make: () => T): T | undefined {
    return this.often(part) ? make() : undefined;
  }

  /** From `low` to `high` of them, each at most once, in their order. */
  some<T>(of: readonly T[], low: number, high: number): T[] {
    const count = this.int(low, high);
    const taken = new Set<number>();
    while (taken.size < Math.min(count, of.length)) taken.add(this.int(0, of.length - 1));
    return of.filter((_, i) => taken.has(i));
  }

  list<T>(low: number, high: number, make: (index: number) => T): T[] {
    return Array.from({ length: this.int(low, high) }, (_, i) => make(i));
  }
}

/** The object without its keys that have no value. */
export function compact<T extends object>(value: T): T {
  return Object.fromEntries(Object.entries(value).filter(([, it]) => it !== undefined)) as T;
}

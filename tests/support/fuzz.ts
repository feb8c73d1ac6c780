/**
 * What the fuzz tests of codecs share: a seed that is printed, how often they run, and how bytes are damaged and cut.
 *
 * @module
 */
import { expect, test } from "bun:test";
import { type Random, seededRandom } from "../../src/base/random.ts";

/** `TULLE_SEED=7` repeats a run. */
const SEED = Number(process.env["TULLE_SEED"] ?? Math.floor(Math.random() * 2 ** 31));
/** `TULLE_LONG=1`: of each codec. */
const LONG_RUNS = 10_000_000;
const LIMIT_MS = 3_600_000;

/** Draws of one run. */
export class Dice {
  readonly random: Random;

  constructor(random: Random) {
    this.random = random;
  }

  below(limit: number): number {
    return Math.floor(this.random() * limit);
  }

  /** True once in `times`. */
  one(times: number): boolean {
    return this.random() * times < 1;
  }

  of<T>(from: readonly T[]): T {
    return from[this.below(from.length)] as T;
  }

  bytes(length: number): Buffer {
    const bytes = Buffer.allocUnsafe(length);
    for (let i = 0; i < length; i++) bytes[i] = this.below(256);
    return bytes;
  }

  /** As they are, or with up to four changes: bytes put, flipped, dropped, doubled, or cut off. */
  damaged(bytes: Buffer): Buffer {
    let changed = bytes;
    for (let changes = this.below(2) * this.below(5); changes > 0; changes--) changed = this.#damagedOnce(changed);
    return changed;
  }

  #damagedOnce(bytes: Buffer): Buffer {
    const at = this.below(bytes.length + 1);
    const to = Math.min(bytes.length, at + this.below(8));
    const kind = this.below(6);
    if (kind < 2 && at < bytes.length) {
      const copy = Buffer.from(bytes);
      copy[at] = kind === 0 ? this.below(256) : (copy[at] as number) ^ (1 << this.below(8));
      return copy;
    }
    if (kind === 2) return Buffer.concat([bytes.subarray(0, at), bytes.subarray(to)]);
    if (kind === 3) return Buffer.concat([bytes.subarray(0, to), bytes.subarray(at)]);
    if (kind === 4) return bytes.subarray(0, at);
    return Buffer.concat([bytes.subarray(0, at), this.bytes(this.below(4)), bytes.subarray(at)]);
  }

  /** Places to cut, rising. */
  cuts(length: number, count = 3): number[] {
    return Array.from({ length: count }, () => this.below(length + 1)).sort((a, b) => a - b);
  }
}

/**
 * @param shortRuns Of a run that is not long.
 * @param one A single run; true when the bytes were good. It throws when something is wrong.
 */
export function fuzz(name: string, shortRuns: number, one: (dice: Dice) => boolean): void {
  const runs = process.env["TULLE_LONG"] === "1" ? LONG_RUNS : shortRuns;
  test(
    `fuzz: ${runs} of ${name}`,
    () => {
      console.log(`fuzz, ${name}: TULLE_SEED=${SEED}`);
      const dice = new Dice(seededRandom(SEED));
      let good = 0;
      for (let run = 0; run < runs; run++) if (one(dice)) good++;
      // Good and bad ones must both be there, or nothing was tried.
      expect(good).toBeGreaterThan(runs * 0.05);
      expect(good).toBeLessThan(runs * 0.95);
    },
    LIMIT_MS,
  );
}

/**
 * Holds what readers of a connection's first bytes must hold: once a prefix says more than that it is incomplete, all that
 * is longer says the same.
 *
 * @param read What it makes of the bytes, as something to compare; `incomplete` while more are wanted.
 */
export function holdPrefixes(bytes: Buffer, cuts: readonly number[], read: (bytes: Buffer) => string): string {
  const whole = read(bytes);
  for (const cut of cuts) {
    const part = read(Buffer.from(bytes.subarray(0, cut)));
    if (part !== "incomplete" && part !== whole)
      throw new Error(`cut at ${cut} it is ${part}, whole it is ${whole}: ${bytes.toString("hex")}`);
  }
  return whole;
}

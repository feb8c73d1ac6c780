/**
 * Chance as a parameter: a test passes a seed and repeats.
 *
 * @module
 */

/** Returns a number in [0, 1). */
export type Random = () => number;

/** The machine's generator. Not for secrets: those come from `node:crypto`. */
export const systemRandom: Random = Math.random;

/** A generator that repeats for the same seed (mulberry32). */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

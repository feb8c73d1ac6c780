/**
 * Lengths of time for people.
 *
 * @module
 */

const UNITS: readonly (readonly [ms: number, unit: string])[] = [
  [86_400_000, "d"],
  [3_600_000, "h"],
  [60_000, "m"],
  [1000, "s"],
];

/** The two largest units: `3m12s`, `2d4h`, `45s`. Below a second `0s`. */
export function span(ms: number): string {
  const first = UNITS.findIndex(([unitMs]) => ms >= unitMs);
  if (first < 0) return "0s";
  let left = ms;
  let text = "";
  for (const [unitMs, unit] of UNITS.slice(first, first + 2)) {
    const n = Math.floor(left / unitMs);
    left -= n * unitMs;
    if (n > 0) text += `${n}${unit}`;
  }
  return text;
}

/**
 * Readers of what stands on a command line. Each throws what makes the command line wrong usage.
 *
 * @module
 */
import { InvalidArgumentError } from "commander";

export type Header = readonly [name: string, value: string];

/** `-H 'name: value'`, several times. */
export function headerArgument(text: string, before: readonly Header[] = []): readonly Header[] {
  const [, name, value] = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+)\s*:[ \t]*(.*?)[ \t]*$/s.exec(text) ?? [];
  if (name === undefined || value === undefined || /[\r\n\0]/.test(value))
    throw new InvalidArgumentError("Write a header as 'name: value'.");
  return [...before, [name, value]];
}

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** `250ms`, `30s`, `1m30s`, `2h`: milliseconds, more than 0. */
export function durationArgument(text: string): number {
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)];
  const ms = parts.reduce((sum, [, n, unit]) => sum + Number(n) * (UNIT_MS[unit ?? ""] ?? 0), 0);
  if (parts.map(([part]) => part).join("") !== text || !(ms > 0))
    throw new InvalidArgumentError("Write a duration such as 250ms, 30s or 1m30s.");
  return ms;
}

/** A whole number in a range. */
export const wholeArgument =
  (min: number, max: number) =>
  (text: string): number => {
    const n = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
    if (!(n >= min && n <= max)) throw new InvalidArgumentError(`Write a whole number from ${min} to ${max}.`);
    return n;
  };

/** A number above 0, fractions allowed. */
export function rateArgument(text: string): number {
  const n = /^\d{1,9}(\.\d{1,9})?$/.test(text) ? Number(text) : Number.NaN;
  if (!(n > 0 && n <= 1_000_000)) throw new InvalidArgumentError("Write a number above 0, such as 50.");
  return n;
}

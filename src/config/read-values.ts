/**
 * Readers of single values: text, numbers, durations, choices.
 *
 * @module
 */
import { didYouMean } from "./did-you-mean.ts";
import type { Node, Read } from "./node.ts";
import { quote } from "./tree.ts";

/** Any text, the empty one too. */
export function anyText(node: Node): string {
  if (node.tree.t === "scalar" && typeof node.tree.value === "string") return node.tree.value;
  const unquoted = node.tree.t === "scalar" && node.tree.value !== null;
  node.mustBe(unquoted ? "text (put it in quotes)" : "text");
  return "";
}

/** Text with at least one character. */
export function text(node: Node): string {
  const value = anyText(node);
  if (value === "" && isText(node)) node.fail("must not be empty");
  return value;
}

export function flag(node: Node): boolean {
  if (node.tree.t === "scalar" && typeof node.tree.value === "boolean") return node.tree.value;
  node.mustBe("true or false");
  return false;
}

/** A whole number from `min` to `max`. */
export function integer(min: number, max: number): Read<number> {
  return (node) => {
    const value = node.tree.t === "scalar" ? node.tree.value : undefined;
    if (typeof value === "number" && Number.isInteger(value) && value >= min && value <= max) return value;
    node.mustBe(`a whole number from ${min} to ${max}`);
    return min;
  };
}

export function number(min: number, max: number): Read<number> {
  return (node) => {
    const value = node.tree.t === "scalar" ? node.tree.value : undefined;
    if (typeof value === "number" && value >= min && value <= max) return value;
    node.mustBe(`a number from ${min} to ${max}`);
    return min;
  };
}

export const port = integer(1, 65_535);
export const MAX_INT32 = 2 ** 31 - 1;
export const MAX_UINT32 = 2 ** 32 - 1;

/** One of `values`, spelled exactly. */
export function choice<const T extends string>(values: readonly T[]): Read<T> {
  return (node) => {
    const value = node.tree.t === "scalar" ? node.tree.value : undefined;
    const found = values.find((v) => v === value);
    if (found !== undefined) return found;
    if (typeof value !== "string") node.mustBe(`one of ${values.join(", ")}`);
    else node.fail(`must be one of ${values.join(", ")}, found ${quote(value)}${didYouMean(value, values)}`);
    return values[0] as T;
  };
}

const UNIT_MS: Readonly<Record<string, number>> = {
  h: 3_600_000,
  m: 60_000,
  s: 1_000,
  ms: 1,
  us: 1e-3,
  µs: 1e-3,
  ns: 1e-6,
};

/** Milliseconds of `1h2m`, `5s`, `1.5s`, `100ms`; undefined when it is not a duration. Istio's are Go's, without a sign. */
function parseDuration(value: string): number | undefined {
  if (value === "0") return 0;
  if (!/^((\d+(\.\d*)?|\.\d+)(h|ms|m|s|us|µs|ns))+$/.test(value) || value.length > 64) return undefined;
  let ms = 0;
  for (const [, amount, unit] of value.matchAll(/([\d.]+)(h|ms|m|s|us|µs|ns)/g))
    ms += Number(amount) * (UNIT_MS[unit ?? ""] ?? 0);
  return ms <= MAX_DURATION_MS ? ms : undefined;
}

/** protobuf's own limit is 10 000 years; a hundred is a typing error already. */
const MAX_DURATION_MS = 100 * 365 * 24 * 3_600_000;

function durationFrom(minMs: number, what: string): Read<number> {
  return (node) => {
    const value = node.tree.t === "scalar" && typeof node.tree.value === "string" ? node.tree.value : undefined;
    const ms = value === undefined ? undefined : parseDuration(value);
    if (ms !== undefined && ms >= minMs) return ms;
    if (ms === undefined && node.tree.t === "scalar" && value === undefined) node.mustBe(`${what}, with its unit`);
    else node.mustBe(what);
    return minMs;
  };
}

/** 1 ms or more, as Istio asks; it refuses `0s`, since "no limit" is said by leaving the field out. */
export const duration = durationFrom(1, "a duration of 1ms or more, such as 5s, 100ms or 1h2m");

/** `0s` is allowed here and means "never". */
export const durationOrZero = durationFrom(0, "a duration, such as 5s, 100ms, or 0s for never");

export function isText(node: Node): boolean {
  return node.tree.t === "scalar" && typeof node.tree.value === "string";
}

/** Text that must pass `valid`; `what` completes "must be …". */
export function textThat(valid: (value: string) => boolean, what: string): Read<string> {
  return (node) => {
    const value = anyText(node);
    if (isText(node) && !valid(value)) node.mustBe(what);
    return value;
  };
}

/** A list of at least one. */
export function someOf<T>(read: Read<T>): Read<readonly T[]> {
  return (node) => {
    if (node.tree.t === "list" && node.tree.items.length === 0)
      node.fail("must have at least one item; leave the field out to ask nothing");
    return node.items().map(read);
  };
}

/** A list, with a warning where it is empty: it reads like "none" and asks nothing, in Istio as here. */
export function listOrNothing<T>(read: Read<T>): Read<readonly T[]> {
  return (node) => {
    if (node.tree.t === "list" && node.tree.items.length === 0) node.warn("is empty, so it asks nothing");
    return node.items().map(read);
  };
}

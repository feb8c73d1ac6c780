/**
 * Where two messages differ, as JSON has them: one line for each field.
 *
 * @module
 */

export interface ChangedField {
  /** `virtual_hosts[reviews].routes[0].route.timeout`; items that have a name of their own stand under it. */
  readonly path: string;
  /** Undefined: it was not there. */
  readonly was: string | undefined;
  /** Undefined: it is no more. */
  readonly now: string | undefined;
}

type Fields = Readonly<Record<string, unknown>>;

/** @param was Of JSON, or undefined. */
export function changedFields(was: unknown, now: unknown, path = ""): readonly ChangedField[] {
  if (Array.isArray(was) && Array.isArray(now)) return ofLists(was, now, path);
  if (isFields(was) && isFields(now)) {
    const keys = [...new Set([...Object.keys(was), ...Object.keys(now)])].filter((key) => !isSource(path, key));
    return keys.flatMap((key) => changedFields(was[key], now[key], path === "" ? key : `${path}.${key}`));
  }
  const [before, after] = [textOf(was), textOf(now)];
  return before === after ? [] : [{ path, was: before, now: after }];
}

const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Which line of which file: a line that only moved is no change. */
const isSource = (path: string, key: string): boolean => key === "tulle" && path.endsWith("metadata.filter_metadata");

const textOf = (value: unknown): string | undefined =>
  value === undefined || typeof value === "string" ? value : JSON.stringify(value);

function ofLists(was: readonly unknown[], now: readonly unknown[], path: string): readonly ChangedField[] {
  const [before, after] = [byName(was), byName(now)];
  if (before !== undefined && after !== undefined) return ofNamed(before, after, path);
  // What stands alike before and behind the change has only moved.
  const isSame = (i: number, j: number): boolean => changedFields(was[i], now[j]).length === 0;
  let start = 0;
  while (start < Math.min(was.length, now.length) && isSame(start, start)) start++;
  let end = 0;
  while (end < Math.min(was.length, now.length) - start && isSame(was.length - 1 - end, now.length - 1 - end)) end++;
  const length = Math.max(was.length, now.length) - end;
  return Array.from({ length: length - start }, (_, i) => {
    const at = start + i;
    const of = (all: readonly unknown[]): unknown => (at < all.length - end ? all[at] : undefined);
    return changedFields(of(was), of(now), `${path}[${at}]`);
  }).flat();
}

/** Undefined where not every item has a name that is its alone. */
function byName(items: readonly unknown[]): ReadonlyMap<string, unknown> | undefined {
  const named = new Map<string, unknown>();
  for (const item of items) {
    const name = isFields(item) ? item["name"] : undefined;
    if (typeof name !== "string" || named.has(name)) return undefined;
    named.set(name, item);
  }
  return named;
}

function ofNamed(
  was: ReadonlyMap<string, unknown>,
  now: ReadonlyMap<string, unknown>,
  path: string,
): readonly ChangedField[] {
  const names = [...new Set([...was.keys(), ...now.keys()])];
  const fields = names.flatMap((name) => changedFields(was.get(name), now.get(name), `${path}[${name}]`));
  const order = (of: ReadonlyMap<string, unknown>, other: ReadonlyMap<string, unknown>): string =>
    [...of.keys()].filter((name) => other.has(name)).join(", ");
  const [before, after] = [order(was, now), order(now, was)];
  return before === after ? fields : [...fields, { path: `${path}: order`, was: before, now: after }];
}

/**
 * Routes that share a path: many of them are told apart by one value, such as a user's header, and found by it in a table.
 *
 * @module
 */
import type { ValueKey } from "../match/check.ts";
import type { RequestView } from "../request.ts";

/** Numbers of routes, rising. */
export type Numbers = readonly number[];

/** Below this many it is quicker to try all. */
const TABLES_FROM = 9;

export interface BucketEntry {
  readonly number: number;
  readonly values: readonly ValueKey[];
}

export interface RouteBucket {
  /** To be tried whatever the request says. */
  readonly always: Numbers | undefined;
  readonly tables: readonly ValueTable[];
}

interface ValueTable {
  readonly read: ValueKey["read"];
  readonly numbers: ReadonlyMap<string, Numbers>;
}

/** @param entries Numbers rising. */
export function routeBucket(entries: readonly BucketEntry[]): RouteBucket {
  if (entries.length < TABLES_FROM) return { always: entries.map(({ number }) => number), tables: [] };
  const shared = counts(entries);
  const always: number[] = [];
  const tables = new Map<string, { readonly read: ValueKey["read"]; readonly numbers: Map<string, number[]> }>();
  for (const { number, values } of entries) {
    const key = rarest(values, shared);
    if (key === undefined) {
      always.push(number);
      continue;
    }
    const table = tables.get(key.name) ?? { read: key.read, numbers: new Map<string, number[]>() };
    tables.set(key.name, table);
    const numbers = table.numbers.get(key.value);
    if (numbers === undefined) table.numbers.set(key.value, [number]);
    else numbers.push(number);
  }
  return { always: always.length === 0 ? undefined : always, tables: [...tables.values()] };
}

/** Hands over every list of the bucket that may hold a match for the request. */
export function eachList({ always, tables }: RouteBucket, request: RequestView, add: (numbers: Numbers) => void): void {
  if (always !== undefined) add(always);
  for (const { read, numbers } of tables) {
    const found = read(request);
    if (found === undefined) continue;
    if (typeof found === "string") addIfAny(numbers.get(found), add);
    else for (const value of new Set(found)) addIfAny(numbers.get(value), add);
  }
}

function addIfAny(numbers: Numbers | undefined, add: (numbers: Numbers) => void): void {
  if (numbers !== undefined) add(numbers);
}

const idOf = ({ name, value }: ValueKey): string => `${name} ${value}`;

function counts(entries: readonly BucketEntry[]): ReadonlyMap<string, number> {
  const found = new Map<string, number>();
  for (const { values } of entries) for (const key of values) found.set(idOf(key), (found.get(idOf(key)) ?? 0) + 1);
  return found;
}

/** The key that fewest routes share: its list is the shortest to try. */
function rarest(values: readonly ValueKey[], shared: ReadonlyMap<string, number>): ValueKey | undefined {
  const countOf = (key: ValueKey): number => shared.get(idOf(key)) ?? 0;
  return values.toSorted((a, b) => countOf(a) - countOf(b))[0];
}

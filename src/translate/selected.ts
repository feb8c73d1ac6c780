/**
 * Which of many workloads a service selects, without a look at each of them.
 *
 * @module
 */
import type { Service, Workload } from "../model/service.ts";

/** By namespace, label and value. */
type ByLabel<T> = ReadonlyMap<string, readonly T[]>;

const INDEXES = new WeakMap<readonly unknown[], ByLabel<unknown>>();
const NONE: readonly never[] = [];

/**
 * Those of `items` that have the first label that the service asks for; the others are not asked.
 *
 * @param workloadOf The same function for the same list.
 */
export function candidatesFor<T>(
  items: readonly T[],
  workloadOf: (item: T) => Workload,
  { namespace, selector }: Service,
): readonly T[] {
  const [first] = Object.entries(selector);
  if (first === undefined) return NONE;
  const known = (INDEXES.get(items) as ByLabel<T> | undefined) ?? indexed(items, workloadOf);
  INDEXES.set(items, known);
  return known.get(keyOf(namespace, ...first)) ?? NONE;
}

function indexed<T>(items: readonly T[], workloadOf: (item: T) => Workload): ByLabel<T> {
  const index = new Map<string, T[]>();
  for (const item of items) {
    const { labels, namespace } = workloadOf(item);
    for (const [label, value] of Object.entries(labels)) {
      const key = keyOf(namespace, label, value);
      const same = index.get(key);
      if (same === undefined) index.set(key, [item]);
      else same.push(item);
    }
  }
  return index;
}

const keyOf = (namespace: string, label: string, value: string): string => `${namespace} ${label}=${value}`;

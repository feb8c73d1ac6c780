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

type Placed = readonly [at: number, service: Service];

const SELECTORS = new WeakMap<readonly Service[], ReadonlyMap<string, readonly Placed[]>>();

/** Of `services` those that may select `workload`, in their order: the first label that they ask for is there. */
export function candidatesBefore(services: readonly Service[], { labels, namespace }: Workload): readonly Service[] {
  const known = SELECTORS.get(services) ?? bySelector(services);
  SELECTORS.set(services, known);
  const found = Object.entries(labels).flatMap(([label, value]) => known.get(keyOf(namespace, label, value)) ?? NONE);
  return found.sort(([a], [b]) => a - b).map(([, service]) => service);
}

function bySelector(services: readonly Service[]): ReadonlyMap<string, readonly Placed[]> {
  const index = new Map<string, Placed[]>();
  for (const [at, service] of services.entries()) {
    const [first] = Object.entries(service.selector);
    if (first === undefined) continue;
    const key = keyOf(service.namespace, ...first);
    const same = index.get(key);
    if (same === undefined) index.set(key, [[at, service]]);
    else same.push([at, service]);
  }
  return index;
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

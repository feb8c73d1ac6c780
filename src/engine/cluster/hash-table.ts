/**
 * Tables that lead a hash to an endpoint, whichever of them hash.
 *
 * Source: Envoy's `HashKey` of hosts and `normalizeHostWeights`.
 *
 * @module
 */
import type { Endpoint } from "./endpoint.ts";
import { groupedByLocality, localityKey } from "./localities.ts";

export interface HashTable {
  /**
   * The number of an endpoint among those that the table was made of; -1 where it has no place.
   * @param attempt Counts the choices for one request, from 0: those that follow lead elsewhere.
   */
  pick(hash: bigint, attempt: number): number;
  /** How many places each endpoint has, by its number. */
  placesOf(): readonly number[];
}

/** Long work in parts: each ends in less than a millisecond, or not much more, so that others have their turn in between. */
export type Steps<T> = Generator<undefined, T>;

/** All parts in one go. */
export function finished<T>(steps: Steps<T>): T {
  for (;;) {
    const { done, value } = steps.next();
    if (done === true) return value;
  }
}

/** An endpoint with what a table is made of. */
export interface HashedEndpoint {
  readonly endpoint: Endpoint;
  /** `hash_key` of its metadata `envoy.lb`, else its host name where that is asked for, else its address. */
  readonly key: string;
  /** Weights add up to 1. */
  readonly weight: number;
}

/** In the order of the assignment, which the sizes of a weighted ring depend on. */
export function hashedEndpoints(
  endpoints: readonly Endpoint[],
  useHostname: boolean,
  localityWeighted = false,
): readonly HashedEndpoint[] {
  const weightOf = localityWeighted ? byLocality(endpoints) : byEndpoint(endpoints);
  return [...endpoints]
    .sort((a, b) => a.position - b.position)
    .map((endpoint) => ({ endpoint, key: keyOf(endpoint, useHostname), weight: weightOf(endpoint) }))
    .filter(({ weight }) => weight > 0);
}

const total = (endpoints: readonly Endpoint[]): number => endpoints.reduce((sum, { weight }) => sum + weight, 0);

function byEndpoint(endpoints: readonly Endpoint[]): (endpoint: Endpoint) => number {
  const all = total(endpoints);
  return ({ weight }) => weight / all;
}

/** Source: Envoy's `normalizeLocalityWeights`. Where no locality has a weight they do not count. */
function byLocality(endpoints: readonly Endpoint[]): (endpoint: Endpoint) => number {
  const localities = groupedByLocality(endpoints);
  const weights = [...localities.values()].map(([first]) => first?.localityWeight ?? 0);
  const all = weights.reduce((sum, weight) => sum + weight, 0);
  if (all === 0) return byEndpoint(endpoints);
  const sums = new Map([...localities].map(([key, some]) => [key, total(some)]));
  return ({ locality, localityWeight, weight }) =>
    (weight / (sums.get(localityKey(locality)) ?? 1)) * (localityWeight / all);
}

function keyOf({ metadata, hostname, address, key }: Endpoint, useHostname: boolean): string {
  const own = metadata?.filterMetadata?.["envoy.lb"]?.["hash_key"];
  if (typeof own === "string" && own !== "") return own;
  return useHostname ? hostname || address : key;
}

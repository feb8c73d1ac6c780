/**
 * Tables that lead a hash to an endpoint, whichever of them hash.
 *
 * Source: Envoy's `HashKey` of hosts and `normalizeHostWeights`.
 *
 * @module
 */
import type { Endpoint } from "./endpoint.ts";

export interface HashTable {
  /** @param attempt Counts the choices for one request, from 0: those that follow lead elsewhere. */
  pick(hash: bigint, attempt: number): Endpoint | undefined;
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
export function hashedEndpoints(endpoints: readonly Endpoint[], useHostname: boolean): readonly HashedEndpoint[] {
  const total = endpoints.reduce((sum, { weight }) => sum + weight, 0);
  return [...endpoints]
    .sort((a, b) => a.position - b.position)
    .map((endpoint) => ({ endpoint, key: keyOf(endpoint, useHostname), weight: endpoint.weight / total }));
}

function keyOf({ metadata, hostname, address, key }: Endpoint, useHostname: boolean): string {
  const own = metadata?.filterMetadata?.["envoy.lb"]?.["hash_key"];
  if (typeof own === "string" && own !== "") return own;
  return useHostname ? hostname || address : key;
}

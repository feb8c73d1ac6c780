/**
 * Ring hash and Maglev: requests of one hash go to one endpoint, and to the same one by every proxy.
 *
 * Source: Envoy's `ThreadAwareLoadBalancerBase`. The hash chooses the priority as well. A request without a hash goes
 * anywhere. Tables are made when endpoints change (their weights and health included), before the next choice.
 *
 * Differs: degraded endpoints have a table of their own, for the share of requests that Envoy would give them and then
 * has no endpoint for.
 *
 * @module
 */
import type { Random } from "../../base/random.ts";
import type { Balancer } from "./balancer.ts";
import type { Endpoint } from "./endpoint.ts";
import { withinBound } from "./bounded-load.ts";
import type { EndpointGroup } from "./endpoint-groups.ts";
import type { EndpointView } from "./endpoints.ts";
import { HashRing } from "./hash-ring.ts";
import { hashedEndpoints, type HashedEndpoint, type HashTable } from "./hash-table.ts";
import { MaglevTable } from "./maglev.ts";

export type HashPolicy = (
  | { readonly t: "ringHash"; readonly minSize: number; readonly maxSize: number }
  | { readonly t: "maglev"; readonly tableSize: number }
) & {
  readonly useHostname: boolean;
  /** Percent of the mean load that an endpoint may have before it passes requests on. Undefined: any. */
  readonly balanceFactor?: number | undefined;
  /** Localities get what their weights say. */
  readonly localityWeighted?: boolean;
};

/** Of the table for the healthy endpoints of the first priority. */
export interface TableSizes {
  readonly size: number;
  /** Places of the endpoint that has the fewest, and the most. */
  readonly least: number;
  readonly most: number;
}

interface Table {
  readonly table: HashTable;
  readonly hosts: readonly HashedEndpoint[];
}

export class HashBalancer implements Balancer {
  readonly #policy: HashPolicy;
  #tables = new Map<EndpointGroup, Table>();
  #set: EndpointView | undefined;
  #version = -1;

  constructor(policy: HashPolicy) {
    this.#policy = policy;
  }

  pick(
    set: EndpointView,
    random: Random,
    avoid?: ReadonlySet<Endpoint>,
    reselections = 1,
    hash: bigint = randomHash(random),
  ): Endpoint | undefined {
    if (this.#version !== set.version || this.#set !== set) this.#rebuild(set);
    const group = set.groupAt(Number(hash % 100n));
    const table = group && this.#tables.get(group);
    if (table === undefined) return undefined;
    let endpoint = this.#chosen(set, table, hash, 0);
    for (let i = 1; i <= reselections && endpoint !== undefined && avoid?.has(endpoint); i += 1)
      endpoint = this.#chosen(set, table, hash, i);
    return endpoint;
  }

  prepare(set: EndpointView): void {
    if (this.#version !== set.version || this.#set !== set) this.#rebuild(set);
  }

  get tableSizes(): TableSizes | undefined {
    const [first] = this.#tables.values();
    if (first === undefined) return undefined;
    const places = first.table.placesOf();
    return {
      size: places.reduce((sum, count) => sum + count, 0),
      least: Math.min(...places),
      most: Math.max(...places),
    };
  }

  #chosen(set: EndpointView, { hosts, table }: Table, hash: bigint, attempt: number): Endpoint | undefined {
    const chosen = table.pick(hash, attempt);
    const { balanceFactor } = this.#policy;
    if (chosen === undefined || balanceFactor === undefined) return chosen;
    const active = set.all.reduce((sum, { activeRequests }) => sum + activeRequests, 0);
    return withinBound(chosen, hash, hosts, balanceFactor, active);
  }

  #rebuild(set: EndpointView): void {
    this.#set = set;
    this.#version = set.version;
    this.#tables = new Map(set.groups.map((group) => [group, tableOf(this.#policy, group.endpoints)]));
  }
}

function tableOf(policy: HashPolicy, endpoints: readonly Endpoint[]): Table {
  const hosts = hashedEndpoints(endpoints, policy.useHostname, policy.localityWeighted);
  if (policy.t === "maglev") return { hosts, table: new MaglevTable(hosts, policy.tableSize) };
  return { hosts, table: new HashRing(hosts, policy.minSize, policy.maxSize) };
}

const WORD = 2 ** 32;
const randomHash = (random: Random): bigint =>
  (BigInt(Math.floor(random() * WORD)) << 32n) | BigInt(Math.floor(random() * WORD));

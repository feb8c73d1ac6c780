/**
 * Ring hash and Maglev: requests of one hash go to one endpoint, and to the same one by every proxy.
 *
 * Source: Envoy's `ThreadAwareLoadBalancerBase`. The hash chooses the priority as well. A request without a hash goes
 * anywhere. Tables are made when endpoints change (their weights and health included). A large one takes a second: who calls {@link HashBalancer.prepare}
 * has it made in parts, and until it is there the last one serves, but for endpoints that may not be used any more. Envoy's workers keep their last
 * one so, too.
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
import { type EndpointView, groupAtPercent } from "./endpoints.ts";
import { ringSteps } from "./hash-ring.ts";
import { finished, hashedEndpoints, type HashedEndpoint, type HashTable, type Steps } from "./hash-table.ts";
import { maglevSteps } from "./maglev.ts";

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

/** Of one state of the endpoints. */
interface Tables {
  readonly set: EndpointView;
  readonly version: number;
  /** What else decides on the places. */
  readonly kind: string;
  readonly groups: readonly EndpointGroup[];
  readonly byGroup: ReadonlyMap<EndpointGroup, Table>;
}

/** Tables that are being made. */
export interface TableWork {
  /** Does a part of it. @returns Whether it is done. */
  step(): boolean;
}

/** Where the last table has no endpoint that may be used within so many places, any will do until the new one is there. */
const MAX_STALE_PLACES = 100;

export class HashBalancer implements Balancer {
  readonly #policy: HashPolicy;
  #tables: Tables | undefined;
  #making: Steps<Tables> | undefined;
  readonly #usable = new UsableEndpoints();

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
    const tables = this.#tablesFor(set);
    if (!isOf(tables, set)) return this.#meanwhile(tables, set, hash, avoid);
    const group = set.groupAt(Number(hash % 100n));
    const table = group && tables.byGroup.get(group);
    if (table === undefined) return undefined;
    let endpoint = this.#chosen(set, table, hash, 0);
    for (let i = 1; i <= reselections && endpoint !== undefined && avoid?.has(endpoint); i += 1)
      endpoint = this.#chosen(set, table, hash, i);
    return endpoint;
  }

  prepare(set: EndpointView): TableWork | undefined {
    if (this.#tables !== undefined && isOf(this.#tables, set)) return undefined;
    this.#making = this.#make(set);
    return { step: () => this.#step() };
  }

  inherit(last: Balancer): void {
    if (last instanceof HashBalancer) this.#tables ??= last.#tables;
  }

  get tableSizes(): TableSizes | undefined {
    const [first] = this.#tables?.byGroup.values() ?? [];
    if (first === undefined) return undefined;
    const places = first.table.placesOf();
    return {
      size: places.reduce((sum, count) => sum + count, 0),
      least: Math.min(...places),
      most: Math.max(...places),
    };
  }

  /** The last that are done. Made at once where nobody makes them, or where there are none at all. */
  #tablesFor(set: EndpointView): Tables {
    const known = this.#tables;
    if (known !== undefined && (isOf(known, set) || this.#making !== undefined)) return known;
    const made = finished(this.#making ?? this.#make(set));
    this.#done(made);
    return made;
  }

  #step(): boolean {
    const next = this.#making?.next();
    if (next === undefined) return true;
    if (next.done === true) this.#done(next.value);
    return next.done === true;
  }

  #done(tables: Tables): void {
    this.#tables = tables;
    this.#making = undefined;
  }

  *#make(set: EndpointView): Steps<Tables> {
    const { groups, version } = set;
    const kind = kindOf(this.#policy);
    const byGroup = new Map<EndpointGroup, Table>();
    for (const group of groups) {
      const hosts = hashedEndpoints(group.endpoints, this.#policy.useHostname, this.#policy.localityWeighted);
      const table = sameTable(this.#tables, kind, hosts) ?? (yield* tableSteps(this.#policy, hosts));
      byGroup.set(group, { hosts, table });
    }
    return { set, version, kind, groups, byGroup };
  }

  #chosen(set: EndpointView, { hosts, table }: Table, hash: bigint, attempt: number): Endpoint | undefined {
    const chosen = hosts[table.pick(hash, attempt)]?.endpoint;
    const { balanceFactor } = this.#policy;
    if (chosen === undefined || balanceFactor === undefined) return chosen;
    const active = set.all.reduce((sum, { activeRequests }) => sum + activeRequests, 0);
    return withinBound(chosen, hash, hosts, balanceFactor, active);
  }

  /** By tables of endpoints as they were, or as another cluster of the name had them. */
  #meanwhile(
    { byGroup, groups }: Tables,
    set: EndpointView,
    hash: bigint,
    avoid: ReadonlySet<Endpoint> | undefined,
  ): Endpoint | undefined {
    const usable = this.#usable.of(set);
    const group = groupAtPercent(groups, Number(hash % 100n));
    const table = group && byGroup.get(group);
    const tries = table === undefined ? 0 : MAX_STALE_PLACES;
    for (let i = 0; i < tries; i += 1) {
      const endpoint = usable.get((table && this.#chosen(set, table, hash, i)?.key) ?? "");
      if (endpoint !== undefined && avoid?.has(endpoint) !== true) return endpoint;
    }
    const any = [...usable.values()];
    return any[Number(hash % BigInt(any.length || 1))];
  }
}

const isOf = (tables: Tables, set: EndpointView): boolean => tables.version === set.version && tables.set === set;

const kindOf = (policy: HashPolicy): string =>
  policy.t === "maglev" ? `maglev ${policy.tableSize}` : `ring ${policy.minSize} ${policy.maxSize}`;

/** The table for the same hosts, whatever became of the endpoints besides. */
function sameTable(known: Tables | undefined, kind: string, hosts: readonly HashedEndpoint[]): HashTable | undefined {
  if (known?.kind !== kind) return undefined;
  return [...known.byGroup.values()].find(
    (it) =>
      it.hosts.length === hosts.length &&
      it.hosts.every(({ key, weight }, i) => key === hosts[i]?.key && weight === hosts[i]?.weight),
  )?.table;
}

function tableSteps(policy: HashPolicy, hosts: readonly HashedEndpoint[]): Steps<HashTable> {
  return policy.t === "maglev"
    ? maglevSteps(hosts, policy.tableSize)
    : ringSteps(hosts, policy.minSize, policy.maxSize);
}

/** Those of a set that requests may go to, by their keys. */
class UsableEndpoints {
  #set: EndpointView | undefined;
  #version = -1;
  #byKey: ReadonlyMap<string, Endpoint> = new Map();

  of(set: EndpointView): ReadonlyMap<string, Endpoint> {
    if (this.#set === set && this.#version === set.version) return this.#byKey;
    this.#set = set;
    this.#version = set.version;
    this.#byKey = new Map(set.groups.flatMap(({ endpoints }) => endpoints.map((it) => [it.key, it])));
    return this.#byKey;
  }
}

const WORD = 2 ** 32;
const randomHash = (random: Random): bigint =>
  (BigInt(Math.floor(random() * WORD)) << 32n) | BigInt(Math.floor(random() * WORD));

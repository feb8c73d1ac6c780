/**
 * The endpoints of a cluster, with the gauges that tell of them and the tables that are made of them.
 *
 * @module
 */
import type { Clock, Timer } from "../base/clock.ts";
import { type Balancer, hashes } from "../engine/cluster/balancer.ts";
import type { CompiledCluster } from "../engine/cluster/cluster.ts";
import type { Endpoint } from "../engine/cluster/endpoint.ts";
import { isDegraded, isHealthy, isIgnored } from "../engine/cluster/endpoint-groups.ts";
import { EndpointSet } from "../engine/cluster/endpoints.ts";
import type { TableWork } from "../engine/cluster/hash-balancer.ts";
import type { LocalPeers } from "../engine/cluster/localities.ts";
import type { ClusterStats, HashTableStats } from "../telemetry/envoy-stats.ts";
import type { ClusterLoadAssignment } from "../xds/proto/endpoint.ts";

export interface MemberServices {
  readonly clock: Clock;
  /** The endpoints of the proxy's own service, and where the proxy is. */
  readonly peers: () => LocalPeers | undefined;
  readonly hashStatsOf: (clusterName: string, table: "ringHash" | "maglev") => HashTableStats;
  readonly onRemoved: (endpoint: Endpoint) => void;
}

/** Of the time, while tables are made: most of it for them, and none waits for long. */
const SLICE_MS = 4;
const PAUSE_MS = 1;

export class ClusterMembers {
  readonly endpoints: EndpointSet;
  readonly #stats: ClusterStats["stats"];
  readonly #balancer: Balancer;
  readonly #hashes: boolean;
  readonly #hashStats: HashTableStats | undefined;
  readonly #clock: Clock;
  /** The version of the endpoints that tables are made for. */
  #tablesOf = -1;
  /** Set while tables are made. */
  #pause: Timer | undefined;

  constructor(compiled: CompiledCluster, stats: ClusterStats["stats"], balancer: Balancer, services: MemberServices) {
    this.#stats = stats;
    this.#balancer = balancer;
    this.#clock = services.clock;
    this.#hashes = hashes(compiled.balancer);
    this.endpoints = new EndpointSet({
      panicPercent: compiled.healthyPanicPercent,
      failOnPanic: compiled.failOnPanic,
      localities: compiled.localities,
      nowMs: () => services.clock.nowMs(),
      peers: services.peers,
      ...(compiled.check === undefined
        ? {}
        : { checks: { keepServing: !compiled.dropsServing, ignoreNew: compiled.ignoresNewEndpoints } }),
      onRemoved: services.onRemoved,
    });
    const { t: kind } = compiled.balancer;
    if (kind === "ringHash" || kind === "maglev") this.#hashStats = services.hashStatsOf(compiled.name, kind);
  }

  /** @throws CompileError for what is wrong in it; the endpoints are then as they were. */
  assign(assignment: ClusterLoadAssignment): void {
    this.endpoints.update(assignment);
    this.#stats.membershipChange.add(1);
    this.count();
  }

  /** Endpoints that stay are as warm and as quick as they were. */
  inherit(last: EndpointSet): void {
    for (const endpoint of this.endpoints.all) {
      const known = last.get(endpoint.key);
      if (known === undefined) continue;
      endpoint.warmSinceMs = known.warmSinceMs;
      endpoint.latencyMs = known.latencyMs;
      endpoint.latencyAtMs = known.latencyAtMs;
    }
    this.endpoints.refresh();
  }

  /** Counted anew each time: endpoints leave and clusters are replaced while some are ejected. */
  count(): void {
    const stats = this.#stats;
    const { all } = this.endpoints;
    const count = (is: (endpoint: Endpoint) => boolean): number => all.reduce((sum, it) => sum + (is(it) ? 1 : 0), 0);
    stats.membershipTotal.set(all.length);
    stats.membershipHealthy.set(count(isHealthy));
    stats.membershipDegraded.set(count(isDegraded));
    stats.membershipExcluded.set(count(isIgnored));
    stats.ejectionsActive.set(count(({ ejected }) => ejected));
    if (this.#hashes) this.#makeTables();
  }

  /** When endpoints change, so that no request waits for it. What changes meanwhile comes behind it. */
  #makeTables(): void {
    if (this.#pause !== undefined || this.#tablesOf === this.endpoints.version) return;
    this.#tablesOf = this.endpoints.version;
    const work = this.#balancer.prepare?.(this.endpoints);
    if (work !== undefined) this.#workOn(work);
  }

  /** Large tables take a second or two: traffic has its turn in between. */
  #workOn(work: TableWork): void {
    this.#pause = undefined;
    const endMs = this.#clock.nowMs() + SLICE_MS;
    while (!work.step())
      if (this.#clock.nowMs() >= endMs) {
        this.#pause = this.#clock.after(PAUSE_MS, () => this.#workOn(work));
        return;
      }
    const { tableSizes } = this.#balancer;
    if (tableSizes !== undefined) this.#hashStats?.set(tableSizes);
    this.#makeTables();
  }

  close(): void {
    this.#pause?.cancel();
  }

  /** The endpoint of a key, unless it is known not to serve. */
  serving(key: string): Endpoint | undefined {
    const endpoint = this.endpoints.get(key);
    return endpoint !== undefined && (isHealthy(endpoint) || isDegraded(endpoint)) ? endpoint : undefined;
  }

  /** Its statistics go with it. */
  forget(): void {
    this.#hashStats?.remove();
  }
}

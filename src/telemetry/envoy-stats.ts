/**
 * Statistics under Envoy's names, for dashboards that exist.
 *
 * A stat reads `cluster.<name>.upstream_rq_total` in the plain dump and
 * `envoy_cluster_upstream_rq_total{envoy_cluster_name="<name>"}` in Prometheus. The name is always one label, as
 * Istio configures it; a bare Envoy splits names that have dots. Codes are labels: `upstream_rq_503` is
 * `envoy_cluster_upstream_rq{envoy_response_code="503"}`, `upstream_rq_5xx` is
 * `envoy_cluster_upstream_rq_xx{envoy_response_code_class="5"}`.
 *
 * All stats of a scope exist from the start, at zero, until {@link StatScope.remove}.
 *
 * @module
 */
import {
  CLUSTER_STATS,
  CLUSTER_UDP_STATS,
  HEALTH_CHECK_STATS,
  HTTP_STATS,
  LISTENER_FILTER_STATS,
  LISTENER_STATS,
  LISTENER_UDP_STATS,
  MAGLEV_STATS,
  NETWORK_RATE_LIMIT_STATS,
  NETWORK_RBAC_STATS,
  RATE_LIMIT_STATS,
  RING_HASH_STATS,
  type StatKind,
  type StatTable,
  TCP_STATS,
  UDP_STATS,
} from "./envoy-stat-names.ts";
import { LabelSet } from "./labels.ts";
import type { Counter, Gauge, Histogram } from "./metrics.ts";
import type { MetricDefinition, Registry } from "./registry.ts";

interface Handles {
  readonly counter: Counter;
  readonly gauge: Gauge;
  readonly histogram: Histogram;
}

/** A handle for each entry of a table. */
export type Stats<T extends StatTable> = { readonly [K in keyof T]: Handles[T[K][0]] };

interface ScopeKind {
  /** First part of the names. */
  readonly family: string;
  /** Label that takes the second part. */
  readonly label: string;
  /** Name before the codes of responses; none where responses are not counted. */
  readonly responses?: string;
}

const CLUSTER: ScopeKind = { family: "cluster", label: "envoy_cluster_name", responses: "upstream_rq" };
const HTTP: ScopeKind = { family: "http", label: "envoy_http_conn_manager_prefix", responses: "downstream_rq" };
const TCP: ScopeKind = { family: "tcp", label: "envoy_tcp_prefix" };
const UDP: ScopeKind = { family: "udp", label: "envoy_udp_prefix" };
const LISTENER: ScopeKind = { family: "listener", label: "envoy_listener_address" };

/** Stats of one cluster, HTTP connection manager or listener. */
export class StatScope<T extends StatTable> {
  readonly stats: Stats<T>;
  readonly #registry: Registry;
  readonly #kind: ScopeKind;
  readonly #labels: LabelSet;
  readonly #codes: (Counter | undefined)[] = [];
  readonly #classes: (Counter | undefined)[] = [];
  readonly #made: Row[] = [];

  constructor(registry: Registry, kind: ScopeKind, name: string, table: T) {
    this.#registry = registry;
    this.#kind = kind;
    this.#labels = new LabelSet({ [kind.label]: name });
    const entries = Object.entries(table).map(([property, [stat, leaf]]) => [property, this.#make(stat, leaf)]);
    this.stats = Object.fromEntries(entries) as Stats<T>; // each entry made a handle of its kind
  }

  /** Counts a response by its code and its class. Codes outside 100 to 599 count as none. */
  response(code: number): void {
    if (this.#kind.responses === undefined || !(code >= 100 && code < 600)) return;
    const hundreds = Math.trunc(code / 100);
    (this.#codes[code] ??= this.#codeCounter(code)).add(1);
    (this.#classes[hundreds] ??= this.#classCounter(hundreds)).add(1);
  }

  /** Takes all stats of the scope away: its cluster or listener is gone. */
  remove(): void {
    for (const { table, labels } of this.#made) table.remove(labels);
  }

  #make(kind: StatKind, leaf: string): Counter | Gauge | Histogram {
    const definition = this.#define(leaf, leaf, () => leaf);
    return this.#kept(this.#registry[kind](definition, this.#labels));
  }

  #codeCounter(code: number): Counter {
    const name = this.#kind.responses ?? "";
    const definition = this.#define(name, name, (labels) => `${name}_${labels.value("envoy_response_code")}`);
    return this.#kept(this.#registry.counter(definition, this.#with({ envoy_response_code: String(code) })));
  }

  #classCounter(hundreds: number): Counter {
    const name = this.#kind.responses ?? "";
    const definition = this.#define(
      `${name}_xx`,
      `${name}_<N>xx`,
      (labels) => `${name}_${labels.value("envoy_response_code_class")}xx`,
    );
    return this.#kept(this.#registry.counter(definition, this.#with({ envoy_response_code_class: String(hundreds) })));
  }

  #define(leaf: string, shown: string, plainLeaf: (labels: LabelSet) => string): MetricDefinition {
    const { family, label } = this.#kind;
    return {
      name: `envoy_${family}_${leaf.replaceAll(".", "_")}`,
      help: `Envoy's ${family}.<name>.${shown}`,
      idle: "keep",
      plainName: (labels) => `${family}.${labels.value(label)}.${plainLeaf(labels)}`,
    };
  }

  #with(more: Readonly<Record<string, string>>): LabelSet {
    return new LabelSet({ ...Object.fromEntries(this.#labels.pairs), ...more });
  }

  #kept<H extends Row>(handle: H): H {
    this.#made.push(handle);
    return handle;
  }
}

type Row = Pick<Counter, "table" | "labels">;

export type ClusterStats = StatScope<typeof CLUSTER_STATS>;
export type HealthCheckStats = StatScope<typeof HEALTH_CHECK_STATS>;
export type HttpStats = StatScope<typeof HTTP_STATS>;
export type TcpStats = StatScope<typeof TCP_STATS>;
export type ListenerFilterStats = Stats<typeof LISTENER_FILTER_STATS>;
export type RateLimitStats = Stats<typeof RATE_LIMIT_STATS>;
export type NetworkRateLimitStats = Stats<typeof NETWORK_RATE_LIMIT_STATS>;
export type NetworkRbacStats = Stats<typeof NETWORK_RBAC_STATS>;
export type UdpStats = StatScope<typeof UDP_STATS>;
export type UdpClusterStats = StatScope<typeof CLUSTER_UDP_STATS>;
export type UdpListenerStats = StatScope<typeof LISTENER_UDP_STATS>;
export type ListenerStats = StatScope<typeof LISTENER_STATS>;

/** @param name As in the cluster resource, such as `outbound|9080|v1|reviews.default.svc.cluster.local`. */
export function clusterStats(registry: Registry, name: string): ClusterStats {
  return new StatScope(registry, CLUSTER, name, CLUSTER_STATS);
}

/** @param name As of {@link clusterStats}. */
export function healthCheckStats(registry: Registry, name: string): HealthCheckStats {
  return new StatScope(registry, CLUSTER, name, HEALTH_CHECK_STATS);
}

/** How the places of a hash table are shared out. */
export interface HashTableStats {
  set(sizes: { readonly size: number; readonly least: number; readonly most: number }): void;
  remove(): void;
}

/** @param name As of {@link clusterStats}. */
export function hashTableStats(registry: Registry, name: string, table: "ringHash" | "maglev"): HashTableStats {
  if (table === "maglev") {
    const maglev = new StatScope(registry, CLUSTER, name, MAGLEV_STATS);
    const set: HashTableStats["set"] = ({ least, most }) => {
      maglev.stats.least.set(least);
      maglev.stats.most.set(most);
    };
    return { set, remove: () => maglev.remove() };
  }
  const ring = new StatScope(registry, CLUSTER, name, RING_HASH_STATS);
  const set: HashTableStats["set"] = ({ least, most, size }) => {
    ring.stats.size.set(size);
    ring.stats.least.set(least);
    ring.stats.most.set(most);
  };
  return { set, remove: () => ring.remove() };
}

/** @param prefix `stat_prefix` of the connection manager. */
export function httpStats(registry: Registry, prefix: string): HttpStats {
  return new StatScope(registry, HTTP, prefix, HTTP_STATS);
}

/** @param prefix `stat_prefix` of the TCP proxy. */
export function tcpStats(registry: Registry, prefix: string): TcpStats {
  return new StatScope(registry, TCP, prefix, TCP_STATS);
}

/** @param prefix `stat_prefix` of the UDP proxy. */
export function udpStats(registry: Registry, prefix: string): UdpStats {
  return new StatScope(registry, UDP, prefix, UDP_STATS);
}

/** @param name As of {@link clusterStats}. */
export function udpClusterStats(registry: Registry, name: string): UdpClusterStats {
  return new StatScope(registry, CLUSTER, name, CLUSTER_UDP_STATS);
}

/** @param address As of {@link listenerStats}. */
export function udpListenerStats(registry: Registry, address: string): UdpListenerStats {
  return new StatScope(registry, LISTENER, address.replaceAll(":", "_"), LISTENER_UDP_STATS);
}

/** The same for all listeners of a process. */
export function listenerFilterStats(registry: Registry): ListenerFilterStats {
  return unscoped(registry, "", LISTENER_FILTER_STATS);
}

/** @param prefix `stat_prefix` of the filter, with its dot: `tcp.`. */
export function networkRbacStats(registry: Registry, prefix: string): NetworkRbacStats {
  return unscoped(registry, prefix, NETWORK_RBAC_STATS);
}

/** @param prefix `stat_prefix` of the filter. */
export function rateLimitStats(registry: Registry, prefix: string): RateLimitStats {
  return unscoped(registry, `${prefix}.`, RATE_LIMIT_STATS);
}

/** @param prefix `stat_prefix` of the filter. */
export function networkRateLimitStats(registry: Registry, prefix: string): NetworkRateLimitStats {
  return unscoped(registry, `local_rate_limit.${prefix}.`, NETWORK_RATE_LIMIT_STATS);
}

/** Counters whose names hold no scope. */
function unscoped<T extends StatTable>(registry: Registry, prefix: string, table: T): Stats<T> {
  const entries = Object.entries(table).map(([property, [kind, leaf]]) => {
    const name = `${prefix}${leaf}`;
    const definition: MetricDefinition = {
      name: `envoy_${name.replaceAll(/[^a-zA-Z0-9_]/g, "_")}`,
      help: `Envoy's ${name}`,
      idle: "keep",
      plainName: () => name,
    };
    return [property, registry[kind](definition)];
  });
  return Object.fromEntries(entries) as Stats<T>; // each entry made a handle of its kind
}

/** @param address `127.0.0.1:15006`, or the listener's `stat_prefix`. Envoy writes the colon as an underscore. */
export function listenerStats(registry: Registry, address: string): ListenerStats {
  return new StatScope(registry, LISTENER, address.replaceAll(":", "_"), LISTENER_STATS);
}

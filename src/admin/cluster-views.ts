/**
 * `/clusters` of a proxy, as Envoy prints it: as text, and as the JSON of `envoy.admin.v3.Clusters`.
 *
 * Differs from Envoy: names that were not looked up have a line, `dns_lookup_failure`, in the text; success rates are not kept, so they are `-1` in the text and absent in the JSON; numbers that are 0 are
 * left out of the JSON, as Envoy does.
 *
 * @module
 */
import type { CheckFlag, ClusterView, EndpointStats, EndpointView, LimitsView } from "./proxy-admin-source.ts";

type Line = readonly [name: string, value: string | number | boolean];

/** One line a fact: `cluster::fact::value`, `cluster::endpoint::fact::value`. */
export function* clustersText(clusters: readonly ClusterView[]): Generator<string> {
  for (const cluster of clusters) {
    const lines = [
      ...clusterLines(cluster).map(([name, value]) => `${cluster.name}::${name}::${value}\n`),
      ...cluster.endpoints.flatMap((endpoint) =>
        endpointLines(endpoint).map(([name, value]) => `${cluster.name}::${addressOf(endpoint)}::${name}::${value}\n`),
      ),
    ];
    yield lines.join("");
  }
}

function clusterLines({
  name,
  limits,
  addedViaApi,
  edsServiceName,
  lookupFailures = {},
}: ClusterView): readonly Line[] {
  return [
    ["observability_name", name],
    ...limitLines("default_priority", limits.default),
    ...limitLines("high_priority", limits.high),
    ["added_via_api", addedViaApi],
    ...(edsServiceName === undefined ? [] : ([["eds_service_name", edsServiceName]] as const)),
    ...Object.entries(lookupFailures).map(([host, reason]): Line => ["dns_lookup_failure", `${host} ${reason}`]),
  ];
}

const limitLines = (priority: string, it: LimitsView): readonly Line[] => [
  [`${priority}::max_connections`, it.maxConnections],
  [`${priority}::max_pending_requests`, it.maxPendingRequests],
  [`${priority}::max_requests`, it.maxRequests],
  [`${priority}::max_retries`, it.maxRetries],
];

function endpointLines(endpoint: EndpointView): readonly Line[] {
  const { hostname, weight, locality, priority } = endpoint;
  return [
    ...statsOf(endpoint.stats)
      .map(({ name, value }): Line => [name, value])
      .sort(([a], [b]) => (a < b ? -1 : 1)),
    ["hostname", hostname],
    ["health_flags", healthFlags(endpoint)],
    ["weight", weight],
    ["region", locality.region],
    ["zone", locality.zone],
    ["sub_zone", locality.subZone],
    ["canary", false],
    ["priority", priority],
    ["success_rate", -1],
    ["local_origin_success_rate", -1],
  ];
}

const addressOf = ({ address, port, path }: EndpointView): string =>
  path ?? (address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`);

/** Names of Envoy's flags in Envoy's order, each with a slash before it. */
function healthFlags({ ejected, edsHealth, checkFlags = [] }: EndpointView): string {
  const flags = [
    ...checkFlags.filter((flag) => flag === "failed_active_hc"),
    ...(ejected ? ["failed_outlier_check"] : []),
    ...(edsHealth === "UNHEALTHY" ? ["failed_eds_health"] : []),
    ...checkFlags.filter((flag) => flag === "degraded_active_hc"),
    ...(edsHealth === "DEGRADED" ? ["degraded_eds_health"] : []),
    ...LATER_FLAGS.filter((flag) => checkFlags.includes(flag)),
  ];
  return flags.length === 0 ? "healthy" : flags.map((flag) => `/${flag}`).join("");
}

const LATER_FLAGS: readonly CheckFlag[] = [
  "pending_dynamic_removal",
  "pending_active_hc",
  "excluded_via_immediate_hc_fail",
  "active_hc_timeout",
];

/** Names of the flags in `envoy.admin.v3.HostHealthStatus`, where they are others. */
const JSON_FLAGS: Readonly<Partial<Record<CheckFlag, string>>> = {
  failed_active_hc: "failed_active_health_check",
  degraded_active_hc: "failed_active_degraded_check",
};

const healthJson = ({ ejected, edsHealth, checkFlags = [] }: EndpointView): unknown => ({
  ...Object.fromEntries(checkFlags.map((flag) => [JSON_FLAGS[flag] ?? flag, true])),
  ...(ejected ? { failed_outlier_check: true } : {}),
  eds_health_status: edsHealth,
});

const statsOf = (stats: EndpointStats): readonly Stat[] => [
  { type: "COUNTER", name: "cx_connect_fail", value: stats.cxConnectFail },
  { type: "COUNTER", name: "cx_total", value: stats.cxTotal },
  { type: "COUNTER", name: "rq_error", value: stats.rqError },
  { type: "COUNTER", name: "rq_success", value: stats.rqSuccess },
  { type: "COUNTER", name: "rq_timeout", value: stats.rqTimeout },
  { type: "COUNTER", name: "rq_total", value: stats.rqTotal },
  { type: "GAUGE", name: "cx_active", value: stats.cxActive },
  { type: "GAUGE", name: "rq_active", value: stats.rqActive },
];

interface Stat {
  readonly type: "COUNTER" | "GAUGE";
  readonly name: string;
  readonly value: number;
}

export function clustersJson(clusters: readonly ClusterView[]): unknown {
  return { cluster_statuses: clusters.map(clusterJson) };
}

function clusterJson({ name, addedViaApi, edsServiceName, limits, endpoints }: ClusterView): unknown {
  return {
    name,
    ...(addedViaApi ? { added_via_api: true } : {}),
    host_statuses: endpoints.map(endpointJson),
    circuit_breakers: { thresholds: [limitJson(limits.default), { priority: "HIGH", ...limitJson(limits.high) }] },
    observability_name: name,
    ...(edsServiceName === undefined ? {} : { eds_service_name: edsServiceName }),
  };
}

const limitJson = (it: LimitsView): Readonly<Record<string, number>> => ({
  max_connections: it.maxConnections,
  max_pending_requests: it.maxPendingRequests,
  max_requests: it.maxRequests,
  max_retries: it.maxRetries,
});

function endpointJson(endpoint: EndpointView): unknown {
  const { address, port, path, hostname, weight, priority, locality } = endpoint;
  return {
    address: path === undefined ? { socket_address: { address, port_value: port } } : { pipe: { path } },
    stats: statsOf(endpoint.stats).map(({ type, name, value }) => ({
      ...(type === "COUNTER" ? {} : { type }),
      name,
      // 64-bit numbers are strings in protobuf's JSON.
      ...(value === 0 ? {} : { value: String(value) }),
    })),
    health_status: healthJson(endpoint),
    weight,
    ...(hostname === "" ? {} : { hostname }),
    ...(priority === 0 ? {} : { priority }),
    locality: localityJson(locality),
  };
}

function localityJson({ region, zone, subZone }: EndpointView["locality"]): unknown {
  return {
    ...(region === "" ? {} : { region }),
    ...(zone === "" ? {} : { zone }),
    ...(subZone === "" ? {} : { sub_zone: subZone }),
  };
}

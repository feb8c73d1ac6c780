/**
 * Clusters whose endpoints are names: those of a list (STRICT_DNS, LOGICAL_DNS), and those that requests name
 * (`envoy.clusters.dynamic_forward_proxy`).
 *
 * Source: `envoy/config/cluster/v3/cluster.proto` and `envoy/extensions/common/dynamic_forward_proxy/v3/dns_cache.proto`, defaults as there.
 *
 * @module
 */
import { parseIp } from "../../base/ip-address.ts";
import type { Cluster, RefreshRate } from "../../xds/proto/cluster.ts";
import { type DnsCacheConfig, DynamicForwardProxyCluster } from "../../xds/proto/dynamic-forward-proxy.ts";
import type { ClusterLoadAssignment } from "../../xds/proto/endpoint.ts";
import { isAny } from "../../xds/types/any.ts";
import { CompileError, refuseOthers, unpackAt } from "../compile-error.ts";

/** `AUTO`: IPv6, and IPv4 where there is none; `V4_PREFERRED`: the other way round. */
export type LookupFamily = "V4_ONLY" | "V6_ONLY" | "AUTO" | "V4_PREFERRED" | "ALL";

/** How a name is looked up, and how often. */
export interface NameSettings {
  readonly family: LookupFamily;
  readonly refreshMs: number;
  /** The records' own time counts in place of `refreshMs`. */
  readonly respectsTtl: boolean;
  /** Waits after failures: the first, and the longest. Undefined: as {@link refreshMs}. */
  readonly failure: { readonly baseMs: number; readonly maxMs: number } | undefined;
}

export interface NamedEndpoints {
  readonly assignment: ClusterLoadAssignment;
  readonly names: NameSettings;
  /** One endpoint, whose name is looked up for each connection: LOGICAL_DNS. Else every address is an endpoint. */
  readonly isLogical: boolean;
}

export interface DynamicHosts {
  readonly names: NameSettings;
  /** A host that was not called for so long is forgotten. */
  readonly hostTtlMs: number;
  readonly maxHosts: number;
  /** Of hosts that name none. */
  readonly defaultPort: number;
}

const REFRESH_MS = 5000;
const DYNAMIC_REFRESH_MS = 60_000;
const HOST_TTL_MS = 300_000;
const MAX_HOSTS = 1024;
const HTTP_PORT = 80;
const HTTPS_PORT = 443;
/** Of a failure's waits, where only the first is given. */
const LONGEST = 10;

/** It is looked up. Each machine knows what `localhost` is. */
export const isName = (address: string): boolean => address !== "localhost" && parseIp(address) === undefined;

/** @throws {CompileError} */
export function compileNames(cluster: Cluster): NamedEndpoints {
  const assignment = cluster.loadAssignment ?? {};
  const isLogical = cluster.type === "LOGICAL_DNS";
  const count = (assignment.endpoints ?? []).reduce((sum, { lbEndpoints = [] }) => sum + lbEndpoints.length, 0);
  if (isLogical && count !== 1)
    throw new CompileError("load_assignment.endpoints", `must have one endpoint for LOGICAL_DNS, found ${count}`);
  return { assignment, isLogical, names: settingsOf(cluster, REFRESH_MS, cluster.respectDnsTtl ?? false) };
}

interface Rates {
  readonly dnsLookupFamily?: LookupFamily | undefined;
  readonly dnsRefreshRate?: number | undefined;
  readonly dnsFailureRefreshRate?: RefreshRate | undefined;
}

function settingsOf(rates: Rates, fallbackMs: number, respectsTtl: boolean): NameSettings {
  const refreshMs = rates.dnsRefreshRate ?? fallbackMs;
  if (refreshMs < 1) throw new CompileError("dns_refresh_rate", `must be 1 ms or more, found ${refreshMs} ms`);
  const { baseInterval, maxInterval } = rates.dnsFailureRefreshRate ?? {};
  if (rates.dnsFailureRefreshRate !== undefined && (baseInterval ?? 0) < 1)
    throw new CompileError("dns_failure_refresh_rate.base_interval", "must be 1 ms or more");
  const failure =
    baseInterval === undefined ? undefined : { baseMs: baseInterval, maxMs: maxInterval ?? baseInterval * LONGEST };
  return { family: rates.dnsLookupFamily ?? "AUTO", refreshMs, respectsTtl, failure };
}

/** @throws {CompileError} For another extension. */
export function isDynamic({ clusterType }: Cluster): boolean {
  if (clusterType === undefined) return false;
  const { typedConfig } = clusterType;
  if (typedConfig !== undefined && isAny(typedConfig, DynamicForwardProxyCluster)) return true;
  throw new CompileError("cluster_type", `${clusterType.name} is not supported yet: dynamic_forward_proxy is`);
}

const CONFIG = new Set(["dnsCacheConfig", "allowInsecureClusterOptions"]);

/** Its names have their own cache each; the one that Envoy shares by its name needs no name here. @throws {CompileError} */
export function compileDynamic(cluster: Cluster): DynamicHosts {
  if (cluster.lbPolicy !== "CLUSTER_PROVIDED")
    throw new CompileError(
      "lb_policy",
      `must be CLUSTER_PROVIDED for a dynamic forward proxy, found ${cluster.lbPolicy}`,
    );
  if (cluster.loadAssignment !== undefined)
    throw new CompileError("load_assignment", "has no place in a dynamic forward proxy: requests name their hosts");
  const path = "cluster_type.typed_config";
  const typedConfig = cluster.clusterType?.typedConfig;
  const config = typedConfig === undefined ? {} : unpackAt(typedConfig, DynamicForwardProxyCluster, path);
  refuseOthers(config, path, CONFIG);
  const cache: DnsCacheConfig = config.dnsCacheConfig ?? {};
  return {
    names: settingsOf(cache, DYNAMIC_REFRESH_MS, true),
    hostTtlMs: cache.hostTtl ?? HOST_TTL_MS,
    maxHosts: cache.maxHosts ?? MAX_HOSTS,
    defaultPort: cluster.transportSocket === undefined ? HTTP_PORT : HTTPS_PORT,
  };
}

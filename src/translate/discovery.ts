/**
 * How a cluster finds its endpoints: given by us, looked up by the proxy, or named by each request.
 *
 * Source: istiod. A service whose names are looked up and that has none gets no cluster.
 *
 * Differs for `resolution: NONE` and the PassthroughCluster where nothing is captured: Istio's go to the address that the application dialed. A
 * forward proxy is told a host instead, so that is looked up (docs/adr/0021).
 *
 * @module
 */
import { unreachable } from "../base/unreachable.ts";
import type { Mesh, MeshSettings } from "../model/mesh.ts";
import type { Resolution, Service } from "../model/service.ts";
import type { Cluster, RefreshRate } from "../xds/proto/cluster.ts";
import {
  type DnsCacheConfig,
  DynamicForwardProxyCluster,
  DynamicForwardProxyFilter,
} from "../xds/proto/dynamic-forward-proxy.ts";
import type { ClusterLoadAssignment } from "../xds/proto/endpoint.ts";
import type { HttpFilter } from "../xds/proto/http-connection-manager.ts";
import { pack } from "../xds/types/any.ts";
import { circuitBreakers, connectTimeoutMs, protocolOptions } from "./connection-pool.ts";
import { isWildcard } from "./mesh-index.ts";

/** What Envoy's filter and clusters must say alike. */
const dnsCache = ({ dnsRefreshRateMs }: MeshSettings): DnsCacheConfig => ({
  name: "outbound_hosts",
  dnsLookupFamily: "V4_ONLY",
  dnsRefreshRate: dnsRefreshRateMs,
  dnsFailureRefreshRate: FAILURE_REFRESH,
});

/** Istio says nothing of it, and then a proxy that started before its name server would wait for the whole refresh rate. */
const FAILURE_REFRESH: RefreshRate = { baseInterval: 1000, maxInterval: 10_000 };

/**
 * @param isPassthrough A DestinationRule wants no endpoint to be chosen: the host that was meant is called.
 * @param isCaptured The caller's proxy knows where each connection was meant to go.
 * @returns Undefined where there is nothing to find endpoints by: then there is no cluster, as in Istio.
 */
export function discovery(
  { hostname, isHeadless, resolution }: Pick<Service, "hostname" | "isHeadless" | "resolution">,
  loadAssignment: ClusterLoadAssignment,
  port: number,
  settings: MeshSettings,
  isPassthrough = false,
  isCaptured = false,
): Partial<Cluster> | undefined {
  if (isCaptured && (isPassthrough || isHeadless === true || resolution === "NONE")) return whereDialed;
  const way: Resolution = isPassthrough && resolution !== "STATIC" && !isWildcard(hostname) ? "NONE" : resolution;
  switch (way) {
    case "STATIC":
      return discovered(loadAssignment.clusterName ?? "");
    case "DNS":
      return byName("STRICT_DNS", loadAssignment, settings);
    case "DNS_ROUND_ROBIN":
      return byName("LOGICAL_DNS", loadAssignment, settings);
    case "NONE":
      if (isWildcard(hostname)) return byRequest(settings);
      return byName("LOGICAL_DNS", itself(hostname, loadAssignment.clusterName ?? "", port), settings);
    case "DYNAMIC_DNS":
      return byRequest(settings);
    default:
      return unreachable(way);
  }
}

/** Each connection goes where it was meant to. */
export const whereDialed: Partial<Cluster> = {
  type: "ORIGINAL_DST",
  lbPolicy: "CLUSTER_PROVIDED",
  ringHashLbConfig: undefined,
  maglevLbConfig: undefined,
  leastRequestLbConfig: undefined,
  roundRobinLbConfig: undefined,
};

/** Whether a service's endpoints are named by requests. */
export const isByRequest = ({ hostname, resolution }: Service): boolean =>
  resolution === "DYNAMIC_DNS" || (resolution === "NONE" && isWildcard(hostname));

/** Its endpoints come apart, by the stream that brings everything. */
export const discovered = (serviceName: string): Partial<Cluster> => ({
  type: "EDS",
  edsClusterConfig: { edsConfig: { ads: {}, resourceApiVersion: "V3", initialFetchTimeout: 0 }, serviceName },
});

const itself = (address: string, clusterName: string, portValue: number): ClusterLoadAssignment => ({
  clusterName,
  endpoints: [{ lbEndpoints: [{ endpoint: { address: { socketAddress: { address, portValue } } } }] }],
});

function byName(
  type: "STRICT_DNS" | "LOGICAL_DNS",
  loadAssignment: ClusterLoadAssignment,
  { dnsRefreshRateMs }: MeshSettings,
): Partial<Cluster> | undefined {
  if (loadAssignment.endpoints?.length === 0) return undefined;
  return {
    type,
    loadAssignment,
    dnsLookupFamily: "V4_ONLY",
    dnsRefreshRate: dnsRefreshRateMs,
    dnsFailureRefreshRate: FAILURE_REFRESH,
    respectDnsTtl: true,
  };
}

/** Whatever TLS is asked for stands in the cluster, so Envoy need not insist on its own. */
const byRequest = (settings: MeshSettings): Partial<Cluster> => ({
  lbPolicy: "CLUSTER_PROVIDED",
  ringHashLbConfig: undefined,
  maglevLbConfig: undefined,
  clusterType: {
    name: "envoy.clusters.dynamic_forward_proxy",
    typedConfig: pack(DynamicForwardProxyCluster, {
      dnsCacheConfig: dnsCache(settings),
      allowInsecureClusterOptions: true,
    }),
  },
});

/** Looks up the hosts of requests in an Envoy. */
export const requestedHosts = (settings: MeshSettings): HttpFilter => ({
  name: "envoy.filters.http.dynamic_forward_proxy",
  typedConfig: pack(DynamicForwardProxyFilter, { dnsCacheConfig: dnsCache(settings) }),
});

/** Istio's name. There it goes to the address that was dialed; a forward proxy knows the host that was meant. */
export const PASSTHROUGH_CLUSTER = "PassthroughCluster";

export const passthroughCluster = ({ settings }: Mesh): Cluster => ({
  name: PASSTHROUGH_CLUSTER,
  connectTimeout: connectTimeoutMs(undefined, settings),
  circuitBreakers: circuitBreakers(undefined, undefined),
  ...byRequest(settings),
  typedExtensionProtocolOptions: protocolOptions(undefined, "client"),
});

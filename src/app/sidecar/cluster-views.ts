/**
 * A proxy's clusters and endpoints, as its admin endpoints show them.
 *
 * @module
 */
import type { CheckFlag, ClusterView, EndpointView } from "../../admin/proxy-admin-source.ts";
import type { Endpoint } from "../../engine/cluster/endpoint.ts";
import type { ClusterRuntime } from "../../proxy/cluster-runtime.ts";
import type { Proxy } from "../../proxy/proxy.ts";

/** @param isStatic Whether a cluster is one of the bootstrap. */
export function clusterViews({ clusters }: Proxy, isStatic: (name: string) => boolean): ClusterView[] {
  return [...clusters.clusters.values()].map((runtime) => clusterView(runtime, isStatic(runtime.compiled.name)));
}

function clusterView({ compiled, endpoints, lookupFailures }: ClusterRuntime, isStatic: boolean): ClusterView {
  return {
    name: compiled.name,
    addedViaApi: !isStatic,
    edsServiceName: compiled.type === "EDS" ? compiled.edsServiceName : undefined,
    limits: compiled.limits,
    endpoints: endpoints.all.map(endpointView),
    ...(lookupFailures.size === 0 ? {} : { lookupFailures: Object.fromEntries(lookupFailures) }),
  };
}

function endpointView(endpoint: Endpoint): EndpointView {
  const { address, port, path, hostname, weight, priority, locality, health, ejected } = endpoint;
  const { region = "", zone = "", subZone = "" } = locality ?? {};
  return {
    address,
    port,
    path,
    hostname,
    weight,
    priority,
    locality: { region, zone, subZone },
    edsHealth: health === "unhealthy" ? "UNHEALTHY" : health === "degraded" ? "DEGRADED" : "HEALTHY",
    ejected,
    checkFlags: checkFlags(endpoint),
    stats: {
      cxActive: endpoint.activeConnections,
      cxConnectFail: endpoint.connectFailures,
      cxTotal: endpoint.connectionsTotal,
      rqActive: endpoint.activeRequests,
      rqError: endpoint.requestsFailed,
      rqSuccess: endpoint.requestsTotal - endpoint.requestsFailed,
      rqTimeout: 0,
      rqTotal: endpoint.requestsTotal,
    },
  };
}

function checkFlags(endpoint: Endpoint): CheckFlag[] {
  const { failedCheck, degradedCheck, leaves, awaitsCheck, excluded, checkTimedOut } = endpoint;
  return [
    ...(failedCheck ? (["failed_active_hc"] as const) : []),
    ...(degradedCheck ? (["degraded_active_hc"] as const) : []),
    ...(leaves ? (["pending_dynamic_removal"] as const) : []),
    ...(awaitsCheck ? (["pending_active_hc"] as const) : []),
    ...(excluded ? (["excluded_via_immediate_hc_fail"] as const) : []),
    ...(checkTimedOut ? (["active_hc_timeout"] as const) : []),
  ];
}

/**
 * A proxy's clusters and endpoints, as its admin endpoints show them.
 *
 * @module
 */
import type { ClusterView, EndpointView } from "../../admin/proxy-admin-source.ts";
import type { Endpoint } from "../../engine/cluster/endpoint.ts";
import type { ClusterRuntime } from "../../proxy/cluster-runtime.ts";
import type { Proxy } from "../../proxy/proxy.ts";

/** @param isStatic Whether a cluster is one of the bootstrap. */
export function clusterViews({ clusters }: Proxy, isStatic: (name: string) => boolean): ClusterView[] {
  return [...clusters.clusters.values()].map((runtime) => clusterView(runtime, isStatic(runtime.compiled.name)));
}

function clusterView({ compiled, endpoints }: ClusterRuntime, isStatic: boolean): ClusterView {
  return {
    name: compiled.name,
    addedViaApi: !isStatic,
    edsServiceName: compiled.type === "EDS" ? compiled.edsServiceName : undefined,
    limits: compiled.limits,
    endpoints: endpoints.all.map(endpointView),
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

/**
 * How a cluster finds its endpoints: given by us, or looked up by the proxy.
 *
 * Source: istiod. A service whose names are looked up and that has none gets no cluster.
 *
 * @module
 */
import { unreachable } from "../base/unreachable.ts";
import type { MeshSettings } from "../model/mesh.ts";
import type { Resolution } from "../model/service.ts";
import type { Cluster } from "../xds/proto/cluster.ts";
import type { ClusterLoadAssignment } from "../xds/proto/endpoint.ts";

export function discovery(
  resolution: Resolution,
  loadAssignment: ClusterLoadAssignment,
  settings: MeshSettings,
): Partial<Cluster> | undefined {
  switch (resolution) {
    case "STATIC":
    case "NONE":
    case "DYNAMIC_DNS":
      return discovered(loadAssignment.clusterName ?? "");
    case "DNS":
      return byName("STRICT_DNS", loadAssignment, settings);
    case "DNS_ROUND_ROBIN":
      return byName("LOGICAL_DNS", loadAssignment, settings);
    default:
      return unreachable(resolution);
  }
}

const discovered = (serviceName: string): Partial<Cluster> => ({
  type: "EDS",
  edsClusterConfig: { edsConfig: { ads: {}, resourceApiVersion: "V3", initialFetchTimeout: 0 }, serviceName },
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
    respectDnsTtl: true,
  };
}

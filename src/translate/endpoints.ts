/**
 * The endpoints of a cluster.
 *
 * @module
 */
import type { Locality } from "../model/locality.ts";
import type { Metadata } from "../xds/proto/core-base.ts";
import type { Address } from "../xds/proto/core-address.ts";
import type { ClusterLoadAssignment, LbEndpoint, LocalityLbEndpoints } from "../xds/proto/endpoint.ts";
import type { SocketAddress } from "../model/service.ts";
import type { Target } from "./destination.ts";
import { TLS_MODE_MATCH } from "./upstream-tls.ts";
import { describeWorkload } from "./workload-metadata.ts";

/** Endpoints that are not healthy stay in the list and get no calls: the panic threshold is 0. */
export function loadAssignment(
  clusterName: string,
  targets: readonly Target[],
  clusterId: string,
): ClusterLoadAssignment {
  const byLocality = new Map<string, Target[]>();
  for (const target of targets) {
    const key = nameOf(target.locality);
    const known = byLocality.get(key);
    if (known === undefined) byLocality.set(key, [target]);
    else known.push(target);
  }
  const endpoints = [...byLocality.values()].map((found): LocalityLbEndpoints => {
    const lbEndpoints = found.map((target) => lbEndpoint(target, clusterId));
    const locality = found[0]?.locality;
    if (locality === undefined && byLocality.size === 1) return { lbEndpoints };
    const weight = found.reduce((sum, target) => sum + target.weight, 0);
    return { lbEndpoints, locality: locality ?? {}, loadBalancingWeight: weight };
  });
  return { clusterName, endpoints };
}

const nameOf = (locality: Locality | undefined): string =>
  locality === undefined ? "" : `${locality.region}/${locality.zone}/${locality.subZone}`;

function lbEndpoint(target: Target, clusterId: string): LbEndpoint {
  const { address, healthy, weight } = target;
  return {
    endpoint: { address: "path" in address ? { pipe: { path: address.path } } : socketAddress(address) },
    healthStatus: healthy ? "HEALTHY" : "UNHEALTHY",
    metadata: endpointMetadata(target, clusterId),
    loadBalancingWeight: weight,
  };
}

function endpointMetadata({ workload, takesMtls }: Target, clusterId: string): Metadata {
  const istio = { workload: describeWorkload(workload, clusterId) };
  if (!takesMtls) return { filterMetadata: { istio } };
  return { filterMetadata: { istio, "envoy.transport_socket_match": TLS_MODE_MATCH } };
}

export const socketAddress = ({ address, port }: SocketAddress): Address => ({
  socketAddress: { address, portValue: port },
});

/**
 * The endpoints of a cluster.
 *
 * @module
 */
import type { Instance } from "../model/service.ts";
import type { Metadata } from "../xds/proto/core-base.ts";
import type { Address } from "../xds/proto/core-address.ts";
import type { ClusterLoadAssignment, LbEndpoint } from "../xds/proto/endpoint.ts";
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
  const lbEndpoints = targets.map((target) => lbEndpoint(target, clusterId));
  return { clusterName, endpoints: lbEndpoints.length === 0 ? [] : [{ lbEndpoints }] };
}

function lbEndpoint({ instance, port, takesMtls }: Target, clusterId: string): LbEndpoint {
  return {
    endpoint: { address: socketAddress(port.inbound) },
    healthStatus: instance.healthy ? "HEALTHY" : "UNHEALTHY",
    metadata: endpointMetadata(instance, takesMtls, clusterId),
    loadBalancingWeight: 1,
  };
}

function endpointMetadata(instance: Instance, takesMtls: boolean, clusterId: string): Metadata {
  const istio = { workload: describeWorkload(instance, clusterId) };
  if (!takesMtls) return { filterMetadata: { istio } };
  return { filterMetadata: { istio, "envoy.transport_socket_match": TLS_MODE_MATCH } };
}

export const socketAddress = ({ address, port }: SocketAddress): Address => ({
  socketAddress: { address, portValue: port },
});

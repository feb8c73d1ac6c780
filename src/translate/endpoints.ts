/**
 * The endpoints of a cluster.
 *
 * @module
 */
import type { Metadata } from "../xds/proto/core-base.ts";
import type { Address } from "../xds/proto/core-address.ts";
import type { ClusterLoadAssignment, LbEndpoint, LocalityLbEndpoints } from "../xds/proto/endpoint.ts";
import type { SocketAddress, UnixAddress } from "../model/service.ts";
import type { Target } from "./destination.ts";
import { type LocalityGroup, localityGroups, type LocalityView } from "./locality.ts";
import { TLS_MODE_MATCH } from "./upstream-tls.ts";
import { describeWorkload } from "./workload-metadata.ts";

/** Endpoints that are not healthy stay in the list and get no calls: the panic threshold is 0. */
export function loadAssignment(
  clusterName: string,
  targets: readonly Target[],
  view: LocalityView,
  clusterId: string,
): ClusterLoadAssignment {
  const groups = localityGroups(targets, view);
  const [only] = groups;
  const nowhere = groups.length === 1 && only?.locality === undefined;
  return { clusterName, endpoints: groups.map((group) => localityEndpoints(group, nowhere, clusterId)) };
}

/** @param nowhere Nobody says where anything runs. */
function localityEndpoints(group: LocalityGroup, nowhere: boolean, clusterId: string): LocalityLbEndpoints {
  const lbEndpoints = group.targets.map((target) => lbEndpoint(target, clusterId));
  if (nowhere) return { lbEndpoints };
  const { locality = {}, priority, weight } = group;
  return { lbEndpoints, locality, loadBalancingWeight: weight, priority: priority === 0 ? undefined : priority };
}

function lbEndpoint(target: Target, clusterId: string): LbEndpoint {
  const { address, healthy, weight } = target;
  return {
    endpoint: { address: addressOf(address) },
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

export const addressOf = (address: SocketAddress | UnixAddress): Address =>
  "path" in address ? { pipe: { path: address.path } } : socketAddress(address);

export const socketAddress = ({ address, port }: SocketAddress): Address => ({
  socketAddress: { address, portValue: port },
});

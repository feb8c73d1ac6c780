/**
 * What a gateway of mode AUTO_PASSTHROUGH leads to: a cluster for each port and subset of each service, by the very name that callers in the mesh
 * ask for in TLS (`outbound_.9080_.v1_.reviews.default.svc.cluster.local`). The mutual TLS of the caller goes through to the workload's own proxy.
 *
 * Source: Istio's SNI-DNAT clusters. Endpoints that take no mutual TLS are left out, as there.
 *
 * @module
 */
import { withRetryConstraint } from "../gateway-api/backend-traffic.ts";
import type { Mesh } from "../../model/mesh.ts";
import type { Instance, Service, Workload } from "../../model/service.ts";
import type { Cluster } from "../../xds/proto/cluster.ts";
import type { ClusterLoadAssignment } from "../../xds/proto/endpoint.ts";
import { commonCluster, instancesBehind, localityView, serviceMetadata } from "../outbound-clusters.ts";
import { type Destination, isInternal, targetsOf } from "../destination.ts";
import { type DestinationPolicy, destinationRuleFor, policyFor } from "../destination-policy.ts";
import { loadAssignment } from "../endpoints.ts";
import { indexOf } from "../mesh-index.ts";
import type { LocalityView } from "../locality.ts";
import type { TranslateOptions } from "../options.ts";
import type { Parts } from "../parts.ts";
import { type Scope, scopeKey, sniOf } from "../scope.ts";
import { serversOf } from "./ports.ts";

export interface SniCluster {
  readonly cluster: Cluster;
  readonly endpoints: ClusterLoadAssignment;
}

/** Empty for a gateway without such a server. */
export function sniClusters(
  mesh: Mesh,
  instances: readonly Instance[],
  workload: Workload,
  scope: Scope,
  options: TranslateOptions,
  parts: Parts,
): readonly SniCluster[] {
  const asked = serversOf(mesh, workload).some(({ server }) => server.tls?.mode === "AUTO_PASSTHROUGH");
  if (!asked) return [];
  const group = `sni clusters ${scopeKey(scope)}`;
  return indexOf(mesh)
    .services.filter((service) => isInternal(service) && service.resolution === "STATIC")
    .flatMap((service) => {
      const behind = instancesBehind(instances, service);
      return parts.of(group, `${service.namespace} ${service.hostname}`, mesh, [service, behind, options], (seen) =>
        clustersOf(seen, behind, service, scope, options),
      );
    });
}

/** @param instances Those behind the service. */
function clustersOf(
  mesh: Mesh,
  instances: readonly Instance[],
  service: Service,
  scope: Scope,
  options: TranslateOptions,
): readonly SniCluster[] {
  const rule = destinationRuleFor(mesh, scope, service);
  return service.ports.flatMap((port) =>
    [undefined, ...(rule?.subsets ?? [])].map((subset) => {
      const policy = withRetryConstraint(policyFor(rule, subset, port.number), mesh, service);
      const localities = localityView(mesh.settings, scope, policy);
      return sniCluster(mesh, instances, { service, port, subset }, { policy, localities }, options);
    }),
  );
}

function sniCluster(
  mesh: Mesh,
  instances: readonly Instance[],
  destination: Destination,
  { policy, localities }: { readonly policy: DestinationPolicy; readonly localities: LocalityView },
  options: TranslateOptions,
): SniCluster {
  const { service, subset } = destination;
  const name = sniOf(destination.port, subset?.name, service.hostname);
  const targets = targetsOf(mesh, instances, destination).filter(({ takesMtls }) => takesMtls);
  return {
    cluster: {
      ...commonCluster(name, policy, mesh.settings),
      type: "EDS",
      edsClusterConfig: { edsConfig: { ads: {}, resourceApiVersion: "V3", initialFetchTimeout: 0 }, serviceName: name },
      metadata: { filterMetadata: { istio: serviceMetadata(service, subset?.name) } },
    },
    endpoints: loadAssignment(name, targets, localities, options.clusterId),
  };
}

/**
 * Clusters for what a workload may call: one for each service port, and one for each subset of it.
 *
 * @module
 */
import type { DestinationRule } from "../model/destination-rule.ts";
import type { Mesh } from "../model/mesh.ts";
import type { Instance, Service, ServicePort } from "../model/service.ts";
import type { Cluster } from "../xds/proto/cluster.ts";
import type { ClusterLoadAssignment } from "../xds/proto/endpoint.ts";
import type { JsonValue } from "../xds/types/struct.ts";
import { circuitBreakers, connectTimeoutMs, outlierDetection, protocolOptions } from "./connection-pool.ts";
import { type Destination, identitiesOf, targetsOf, whoTakesMtls } from "./destination.ts";
import { type DestinationPolicy, destinationRuleFor, policyFor } from "./destination-policy.ts";
import { loadAssignment } from "./endpoints.ts";
import { isHttp2, speaksHttp } from "./mesh-index.ts";
import type { TranslateOptions } from "./options.ts";
import { outboundCluster, type Scope } from "./scope.ts";
import { upstreamTls } from "./upstream-tls.ts";

export interface OutboundCluster {
  readonly cluster: Cluster;
  readonly endpoints: ClusterLoadAssignment;
  readonly rule: DestinationRule | undefined;
}

/** Istio's default; Envoy's own is round robin. */
const DEFAULT_LB_POLICY = "LEAST_REQUEST";

export function outboundClusters(
  mesh: Mesh,
  instances: readonly Instance[],
  scope: Scope,
  options: TranslateOptions,
): readonly OutboundCluster[] {
  return mesh.services.flatMap((service) => {
    const rule = destinationRuleFor(mesh, scope.namespace, service);
    return service.ports.flatMap((port) =>
      [undefined, ...(rule?.subsets ?? [])].map((subset) =>
        outbound(mesh, instances, { service, port, subset }, rule, scope, options),
      ),
    );
  });
}

function outbound(
  mesh: Mesh,
  instances: readonly Instance[],
  destination: Destination,
  rule: DestinationRule | undefined,
  scope: Scope,
  options: TranslateOptions,
): OutboundCluster {
  const { service, port, subset } = destination;
  const name = outboundCluster(scope, port.number, subset?.name, service.hostname);
  const policy = policyFor(rule, subset, port.number);
  const targets = targetsOf(mesh, instances, destination);
  const { autoSni, ...sockets } = upstreamTls({
    scope,
    tls: policy.tls,
    trustDomain: mesh.settings.trustDomain,
    sni: `outbound_.${port.number}_.${subset?.name ?? ""}_.${service.hostname}`,
    identities: identitiesOf(mesh, instances, destination),
    endpointsTakeMtls: whoTakesMtls(mesh, targets, destination),
    alpnProtocols: alpnOf(port),
    http: speaksHttp(port),
    systemRootsFile: options.systemRootsFile,
  });
  const cluster: Cluster = {
    ...edsCluster(name, policy),
    ...sockets,
    typedExtensionProtocolOptions: speaksHttp(port)
      ? protocolOptions(policy.connectionPool, isHttp2(port.protocol), autoSni)
      : undefined,
    metadata: { filterMetadata: { istio: serviceMetadata(service, subset?.name) } },
  };
  return { cluster, endpoints: loadAssignment(name, targets, options.clusterId), rule };
}

function edsCluster(name: string, policy: DestinationPolicy): Cluster {
  return {
    name,
    type: "EDS",
    edsClusterConfig: { edsConfig: { ads: {}, resourceApiVersion: "V3", initialFetchTimeout: 0 }, serviceName: name },
    connectTimeout: connectTimeoutMs(policy.connectionPool),
    lbPolicy: policy.loadBalancer ?? DEFAULT_LB_POLICY,
    circuitBreakers: circuitBreakers(policy.connectionPool),
    outlierDetection: outlierDetection(policy.outlierDetection),
    commonLbConfig: { healthyPanicThreshold: { value: policy.outlierDetection?.minHealthPercent ?? 0 } },
  };
}

/** Opaque connections say `istio`, by which a server tells our TLS from the application's own. */
const alpnOf = (port: ServicePort): readonly string[] =>
  speaksHttp(port) ? [isHttp2(port.protocol) ? "h2" : "http/1.1"] : ["istio"];

/** As Istio's, for the destination labels of metrics. */
export function serviceMetadata(service: Service, subset?: string): { readonly [key: string]: JsonValue } {
  const services = [{ host: service.hostname, name: service.name, namespace: service.namespace }];
  return subset === undefined ? { services } : { services, subset };
}

/**
 * The inbound side of one instance's port: the cluster of its application, and what leads there.
 *
 * @module
 */
import type { Mesh } from "../model/mesh.ts";
import type { Instance, InstancePort, Protocol, Service } from "../model/service.ts";
import type { Cluster } from "../xds/proto/cluster.ts";
import { circuitBreakers, connectTimeoutMs, protocolOptions } from "./connection-pool.ts";
import { socketAddress } from "./endpoints.ts";
import { isBehind, isHttp2 } from "./mesh-index.ts";
import type { Scope } from "./scope.ts";
import { serviceMetadata } from "./outbound-clusters.ts";

/** One port of an instance, and what is known of it. */
export interface InboundPort {
  readonly instance: Instance;
  readonly port: InstancePort;
  readonly scope: Scope;
  /** What its services say; opaque TCP where none serves the port. */
  readonly protocol: Protocol;
  /** Services that lead here, in the order of the mesh. */
  readonly services: readonly Service[];
  /** `inbound|9080||`; in a shared proxy with the instance's id. */
  readonly clusterName: string;
}

export function inboundPorts(mesh: Mesh, instance: Instance, scope: Scope, shared: boolean): readonly InboundPort[] {
  return instance.ports.map((port) => {
    const services = mesh.services.filter(
      (s) => isBehind(s, instance.workload) && s.ports.some((p) => p.targetPort === port.targetPort),
    );
    const served = services.flatMap((s) => s.ports).find((p) => p.targetPort === port.targetPort);
    const clusterName = `inbound|${port.targetPort}||${shared ? `@${instance.id}` : ""}`;
    return { instance, port, scope, services, protocol: served?.protocol ?? "tcp", clusterName };
  });
}

export function inboundCluster({ clusterName, port, protocol, services }: InboundPort): Cluster {
  const [service] = services;
  return {
    name: clusterName,
    type: "STATIC",
    connectTimeout: connectTimeoutMs(undefined),
    circuitBreakers: circuitBreakers(undefined),
    commonLbConfig: { healthyPanicThreshold: { value: 0 } },
    loadAssignment: {
      clusterName,
      endpoints: [{ lbEndpoints: [{ endpoint: { address: socketAddress(port.application) } }] }],
    },
    typedExtensionProtocolOptions: protocolOptions(undefined, isHttp2(protocol)),
    metadata: service && { filterMetadata: { istio: serviceMetadata(service) } },
  };
}

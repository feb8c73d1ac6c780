/**
 * The inbound side of one instance's port: the cluster of its application, and what leads there.
 *
 * @module
 */
import type { Mesh } from "../model/mesh.ts";
import type { Instance, InstancePort, Protocol, Service } from "../model/service.ts";
import type { Cluster } from "../xds/proto/cluster.ts";
import { circuitBreakers, connectTimeoutMs, protocolOptions, type UpstreamHttp } from "./connection-pool.ts";
import { socketAddress } from "./endpoints.ts";
import { isBehind, isHttp2 } from "./mesh-index.ts";
import type { Scope } from "./scope.ts";
import { serviceMetadata } from "./outbound-clusters.ts";

/** One port of an instance, and what is known of it. */
export interface InboundPort {
  readonly instance: Instance;
  readonly port: InstancePort;
  readonly scope: Scope;
  /** What its services say, else the workload itself; found out where nobody does. */
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
    const protocol = served?.protocol ?? instance.workload.portProtocols[port.targetPort] ?? "auto";
    const clusterName = `inbound|${port.targetPort}||${shared ? `@${instance.id}` : ""}`;
    return { instance, port, scope, services, protocol, clusterName };
  });
}

export function inboundCluster({ settings }: Mesh, { clusterName, port, protocol, services }: InboundPort): Cluster {
  const [service] = services;
  return {
    name: clusterName,
    type: "STATIC",
    connectTimeout: connectTimeoutMs(undefined, settings),
    circuitBreakers: circuitBreakers(undefined, undefined),
    commonLbConfig: { healthyPanicThreshold: { value: 0 } },
    loadAssignment: {
      clusterName,
      endpoints: [{ lbEndpoints: [{ endpoint: { address: socketAddress(port.application) } }] }],
    },
    typedExtensionProtocolOptions: protocolOptions(undefined, spokenByApplication(protocol)),
    metadata: service && { filterMetadata: { istio: serviceMetadata(service) } },
  };
}

/** HTTP/1.1 that came over HTTP/2 between the proxies is HTTP/1.1 again here. */
function spokenByApplication(protocol: Protocol): UpstreamHttp {
  if (isHttp2(protocol)) return "http2";
  return protocol === "auto" ? "client" : "http1";
}

/**
 * The inbound side of one instance's port: the cluster of its application, and what leads there.
 *
 * @module
 */
import type { LabelSelector } from "../model/match.ts";
import type { Mesh } from "../model/mesh.ts";
import type { GatewayTls } from "../model/gateway.ts";
import type { ConnectionPool } from "../model/destination-rule.ts";
import type { Instance, InstancePort, Protocol, Service, UnixAddress, SocketAddress } from "../model/service.ts";
import type { IngressListener } from "../model/sidecar.ts";
import type { Cluster } from "../xds/proto/cluster.ts";
import type { RetryPolicy } from "../xds/proto/route-action.ts";
import {
  circuitBreakers,
  connectTimeoutMs,
  protocolOptions,
  type UpstreamHttp,
  upstreamConnections,
} from "./connection-pool.ts";
import { destinationRuleFor, policyFor } from "./destination-policy.ts";
import { addressOf } from "./endpoints.ts";
import { isHttp2, servicesBefore } from "./mesh-index.ts";
import { inboundRetryPolicy } from "./retry-policy.ts";
import { effectiveMtls } from "../model/peer-authentication.ts";
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
  /** Where the application listens. */
  readonly application: SocketAddress | UnixAddress;
  /** Of connections to it. */
  readonly connectionPool: ConnectionPool | undefined;
  /** Of requests that it has not taken; undefined: none. */
  readonly retryPolicy: RetryPolicy | undefined;
  /** TLS that ends here, of clients that are not of the mesh; the protocol is then what is inside. */
  readonly ends: GatewayTls | undefined;
}

export function inboundPorts(mesh: Mesh, instance: Instance, scope: Scope, shared: boolean): readonly InboundPort[] {
  return instance.ports.map((port) => {
    const clusterName = `inbound|${port.targetPort}||${shared ? `@${instance.id}` : ""}`;
    const common = { instance, port, scope, clusterName };
    const traits = ingressAt(mesh, common) ?? servedAt(mesh, common);
    // A stream of gRPC cannot be sent again, as in Istio.
    const retryPolicy = traits.protocol === "grpc" ? undefined : inboundRetryPolicy(mesh.settings);
    return { ...common, ...traits, retryPolicy };
  });
}

type Traits = Pick<InboundPort, "protocol" | "services" | "application" | "connectionPool" | "ends">;
type Place = Pick<InboundPort, "instance" | "port" | "scope">;

/**
 * What the workload's Sidecar says of its ports: one that it does not list goes to the application as it comes. As in Istio its TLS ends where
 * a PeerAuthentication turns the mesh's off.
 */
function ingressAt(mesh: Mesh, { instance, port, scope }: Place): Traits | undefined {
  const { ingress = [], inboundConnectionPool } = scope.sidecar ?? {};
  if (ingress.length === 0) return undefined;
  const listener = ingress.find((it) => it.port === port.targetPort);
  const isFree = effectiveMtls(mesh, instance.workload, port.targetPort).mode === "DISABLE";
  const ends = isFree ? listener?.tls : undefined;
  const protocol = listener?.protocol ?? "auto";
  return {
    ends,
    protocol: ends === undefined ? protocol : protocol === "https" ? "http" : "tcp",
    services: [],
    application: (listener && defaultEndpoint(instance, listener)) ?? port.application,
    connectionPool: listener?.connectionPool ?? inboundConnectionPool,
  };
}

const OWN_ADDRESSES: readonly string[] = ["0.0.0.0", "::"];

/** A port that the workload names is where `up` put its application; another is taken as it is written. */
function defaultEndpoint(
  { ports }: Instance,
  { defaultEndpoint: to }: IngressListener,
): InboundPort["application"] | undefined {
  if (to === undefined || "path" in to) return to;
  const own = ports.find(({ targetPort }) => targetPort === to.port)?.application;
  if (own !== undefined) return own;
  const address = ports[0]?.application.address;
  return OWN_ADDRESSES.includes(to.address) && address !== undefined ? { address, port: to.port } : to;
}

const NO_LABELS: LabelSelector = {};

/** What the services before the workload say, and what their DestinationRule allows: as much as callers may ask for. */
function servedAt(mesh: Mesh, { instance, port, scope }: Place): Traits {
  const services = servicesBefore(mesh, instance.workload).filter((s) =>
    s.ports.some((p) => p.targetPort === port.targetPort),
  );
  const served = services.flatMap((s) => s.ports).find((p) => p.targetPort === port.targetPort);
  const protocol = served?.protocol ?? instance.workload.portProtocols[port.targetPort] ?? "auto";
  const [service] = services;
  const number = service?.ports.find((p) => p.targetPort === port.targetPort)?.number ?? 0;
  const rule = service && destinationRuleFor(mesh, { ...scope, labels: NO_LABELS }, service);
  const connectionPool = scope.sidecar?.inboundConnectionPool ?? policyFor(rule, undefined, number).connectionPool;
  return { services, protocol, application: port.application, connectionPool, ends: undefined };
}

export function inboundCluster({ settings }: Mesh, inbound: InboundPort): Cluster {
  const { application, clusterName, connectionPool, protocol, services } = inbound;
  const [service] = services;
  return {
    name: clusterName,
    type: "STATIC",
    connectTimeout: connectTimeoutMs(connectionPool, settings),
    circuitBreakers: circuitBreakers(connectionPool, undefined),
    upstreamConnectionOptions: upstreamConnections(connectionPool),
    commonLbConfig: { healthyPanicThreshold: { value: 0 } },
    loadAssignment: {
      clusterName,
      endpoints: [{ lbEndpoints: [{ endpoint: { address: addressOf(application) } }] }],
    },
    typedExtensionProtocolOptions: protocolOptions(connectionPool, spokenByApplication(protocol)),
    metadata: service && { filterMetadata: { istio: serviceMetadata(service) } },
  };
}

/** HTTP/1.1 that came over HTTP/2 between the proxies is HTTP/1.1 again here. */
function spokenByApplication(protocol: Protocol): UpstreamHttp {
  if (isHttp2(protocol)) return "http2";
  return protocol === "auto" ? "client" : "http1";
}

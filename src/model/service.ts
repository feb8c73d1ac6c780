/**
 * What can be called, and who answers.
 *
 * @module
 */
import type { GatewayTopology } from "./gateway.ts";
import type { Locality } from "./locality.ts";
import type { LabelSelector } from "./match.ts";
import type { Origin } from "./origin.ts";
import type { Visibility } from "./visibility.ts";

/** Named by the port's `appProtocol` or by the prefix of its name (`http-web`); `auto`: found out from each connection's first bytes. */
export type Protocol = "http" | "http2" | "grpc" | "https" | "tls" | "tcp" | "auto";

export interface ServicePort {
  readonly name: string;
  /** What callers dial. */
  readonly number: number;
  /** What the workload listens on. */
  readonly targetPort: number;
  /** The workload's name for it, where the service gives that in place of a number: the first workload behind it says which number it is. */
  readonly targetPortName?: string;
  readonly protocol: Protocol;
}

/** A port for datagrams, which a gateway's UDPRoute may lead to. One of TCP may have the same number. */
export type UdpPort = Omit<ServicePort, "protocol">;

/** Inside of the mesh mutual TLS is spoken with those that take it; outside never, unless a DestinationRule says so. */
export type Location = "MESH_INTERNAL" | "MESH_EXTERNAL";

/**
 * How the addresses of a service's endpoints are found. `STATIC`: they are given. `DNS`: all addresses that their names have are called.
 * `DNS_ROUND_ROBIN`: the first address that the name has at the moment of a new connection. `NONE`: the caller knows, and calls go where they
 * were meant to. `DYNAMIC_DNS`: the name that the caller gives is looked up.
 */
export type Resolution = "STATIC" | "DNS" | "DNS_ROUND_ROBIN" | "NONE" | "DYNAMIC_DNS";

/** A Kubernetes `Service`, or a host of ServiceEntries. One host has one of each namespace. */
export interface Service {
  /** Of the first document, where several speak of the host. */
  readonly origin: Origin;
  readonly source: "kubernetes" | "serviceEntry";
  readonly name: string;
  readonly namespace: string;
  /** `reviews.default.svc.cluster.local`, `api.example.com`, `*.example.com`. */
  readonly hostname: string;
  readonly ports: readonly ServicePort[];
  readonly udpPorts?: readonly UdpPort[];
  /** Empty: the service selects nothing. */
  readonly selector: LabelSelector;
  /** Whose workloads may call it. */
  readonly exportTo: Visibility;
  readonly resolution: Resolution;
  readonly location: Location;
  /** Virtual addresses and ranges by which it is called, beside its name. */
  readonly addresses: readonly string[];
  /** It has no address of its own on purpose (`clusterIP: None`): callers choose an endpoint by its address. */
  readonly isHeadless?: boolean;
  /** Those that are no {@link Instance}: they stand in documents. */
  readonly endpoints: readonly ServiceEndpoint[];
  /** Names of which a server's certificate must have one, beside the identities that are known. */
  readonly subjectAltNames: readonly string[];
}

/** Who answers for a service and runs under no workload of ours. */
export interface ServiceEndpoint extends EndpointTraits {
  /** Where it serves each of the service's ports, by their numbers; one that is not here it does not serve. */
  readonly ports: ReadonlyMap<number, number>;
  /** Likewise, for datagrams. */
  readonly udpPorts?: ReadonlyMap<number, number>;
}

/** What documents say of an endpoint beside its ports. */
export interface EndpointTraits {
  /** Of its WorkloadEntry, or of the document that lists it. */
  readonly name: string;
  readonly namespace: string;
  /** An IP address, a name to look up, or `unix:///path`, `unix://@abstract`. Empty in a template. */
  readonly address: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Relative to the others; undefined where nothing is said, which counts as 1. */
  readonly weight: number | undefined;
  /** Undefined where nothing is said. */
  readonly locality: Locality | undefined;
  /** Endpoints of other networks are behind gateways. Empty: the caller's. */
  readonly network: string;
  /** The identity that its proxy shows; undefined where it has none. */
  readonly serviceAccount: string | undefined;
  /** Whether a proxy of the mesh answers there. */
  readonly takesMtls: boolean;
  /** False takes it out of load balancing. */
  readonly healthy: boolean;
}

export const UNIX_PREFIX = "unix://";

/** Something that runs: one version of a service under one identity. Ours: `tulle.dev/v1 Workload`. */
export interface Workload {
  readonly origin: Origin;
  readonly name: string;
  readonly namespace: string;
  /** `app` and `version` are what metrics and subsets look at. */
  readonly labels: Readonly<Record<string, string>>;
  readonly serviceAccount: string;
  /** Ports that the application serves, as a service's `targetPort` names them. */
  readonly ports: readonly number[];
  /** Of ports that have a name. */
  readonly portNumbers: Readonly<Record<string, number>>;
  /** What the ports speak that say so themselves; what a service says of a port wins. */
  readonly portProtocols: Readonly<Record<number, Protocol>>;
  /** Where it runs; undefined where nobody says. */
  readonly locality: Locality | undefined;
  /** Set where the proxy stands alone at the edge and serves the Gateways that select it. */
  readonly gateway: { readonly topology: GatewayTopology } | undefined;
  /** Set where the kernel leads its connections to its proxy: the address that peers dial. Absent: it is called by ports that its proxy was given. */
  readonly captured?: { readonly address: string } | undefined;
  /** How `tulle up` starts the application; absent where something else runs it. */
  readonly process: WorkloadProcess | undefined;
}

export interface WorkloadProcess {
  /** Program and arguments. `PORT` (and `PORT_<number>` where there are several) tell the application where to listen. */
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** Absolute. */
  readonly workingFolder: string;
}

/** A unix socket: a file's path, or `@name` in Linux's abstract namespace. */
export interface UnixAddress {
  readonly path: string;
}

export interface SocketAddress {
  readonly address: string;
  readonly port: number;
}

/**
 * How connections get to a workload's proxy, by Istio's words. `NONE`: its application calls the proxy on purpose. `REDIRECT`: the kernel leads them there, and
 * the proxy asks it where they were meant to go.
 */
export type InterceptionMode = "NONE" | "REDIRECT";

/** A running copy of a workload, with the addresses that it got. */
export interface Instance {
  readonly workload: Workload;
  /** Unique in the mesh, such as `reviews-v1-0`. */
  readonly id: string;
  /** Addresses for each of the workload's ports. */
  readonly ports: readonly InstancePort[];
  /** Default NONE. REDIRECT: peers dial the application's own place, and its proxy is met on the way. */
  readonly interceptionMode?: InterceptionMode | undefined;
  /** Forward-proxy port of this copy's proxy, for applications that are not captured; absent where traffic is captured. */
  readonly outbound: SocketAddress | undefined;
  /** Loopback ports of this copy's proxy, each for one service port, for applications that are not captured. */
  readonly loopbacks: readonly ServiceLoopback[];
  /** False takes it out of load balancing. */
  readonly healthy: boolean;
}

export interface InstancePort {
  /** The workload's port, as in {@link Workload.ports}. */
  readonly targetPort: number;
  /** Where its proxy listens: what peers dial. */
  readonly inbound: SocketAddress;
  /** Where the application listens. */
  readonly application: SocketAddress;
}

/** Where one workload's proxy takes calls to one port of a service. */
export interface ServiceLoopback {
  /** The service's full name: `reviews.default.svc.cluster.local`. */
  readonly host: string;
  /** The service's port. */
  readonly port: number;
  readonly address: SocketAddress;
}

/** Whether the kernel leads an instance's connections to its proxy. */
export const isCaptured = ({ interceptionMode }: Pick<Instance, "interceptionMode">): boolean =>
  interceptionMode === "REDIRECT";

/** `spiffe://cluster.local/ns/default/sa/reviews`. */
export function spiffeIdOf(trustDomain: string, workload: Pick<Workload, "namespace" | "serviceAccount">): string {
  return `spiffe://${trustDomain}/ns/${workload.namespace}/sa/${workload.serviceAccount}`;
}

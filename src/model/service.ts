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
  readonly protocol: Protocol;
}

/** A Kubernetes `Service`. */
export interface Service {
  readonly origin: Origin;
  readonly name: string;
  readonly namespace: string;
  /** `reviews.default.svc.cluster.local`. */
  readonly hostname: string;
  readonly ports: readonly ServicePort[];
  /** Empty: the service selects nothing. */
  readonly selector: LabelSelector;
  /** Whose workloads may call it. */
  readonly exportTo: Visibility;
}

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
  /** What the ports speak that say so themselves; what a service says of a port wins. */
  readonly portProtocols: Readonly<Record<number, Protocol>>;
  /** Where it runs; undefined where nobody says. */
  readonly locality: Locality | undefined;
  /** Set where the proxy stands alone at the edge and serves the Gateways that select it. */
  readonly gateway: { readonly topology: GatewayTopology } | undefined;
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

export interface SocketAddress {
  readonly address: string;
  readonly port: number;
}

/** A running copy of a workload, with the addresses that it got. */
export interface Instance {
  readonly workload: Workload;
  /** Unique in the mesh, such as `reviews-v1-0`. */
  readonly id: string;
  /** Addresses for each of the workload's ports. */
  readonly ports: readonly InstancePort[];
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

/** `spiffe://cluster.local/ns/default/sa/reviews`. */
export function spiffeIdOf(trustDomain: string, workload: Pick<Workload, "namespace" | "serviceAccount">): string {
  return `spiffe://${trustDomain}/ns/${workload.namespace}/sa/${workload.serviceAccount}`;
}

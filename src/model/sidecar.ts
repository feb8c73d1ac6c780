/**
 * What a workload's proxy knows of the mesh, and how it takes calls: Istio's Sidecar.
 *
 * @module
 */
import type { Place } from "../base/problem.ts";
import type { GatewayTls } from "./gateway.ts";
import type { ConnectionPool } from "./destination-rule.ts";
import type { LabelSelector } from "./match.ts";
import type { OutboundTrafficPolicy } from "./mesh.ts";
import type { Origin } from "./origin.ts";
import type { Protocol, SocketAddress, UnixAddress } from "./service.ts";

export interface Sidecar {
  readonly origin: Origin;
  /** Undefined: all workloads of its namespace; in the root namespace, of all namespaces that have none of their own. */
  readonly workloadSelector: LabelSelector | undefined;
  /** None at all: the proxy knows all that is exported to it. */
  readonly egress: readonly EgressListener[];
  /** None at all: as the services say. */
  readonly ingress: readonly IngressListener[];
  /** Of connections to the application, where no ingress listener says its own. */
  readonly inboundConnectionPool: ConnectionPool | undefined;
  /** Undefined: the mesh's. */
  readonly outboundTrafficPolicy: OutboundTrafficPolicy | undefined;
}

export interface EgressListener {
  readonly place: Place;
  /** Undefined: all ports that no other listener names. */
  readonly port: { readonly number: number; readonly protocol: Protocol | "http-proxy" } | undefined;
  /** The proxy listens here too: an address, at the port, or `unix://…`, where the number may be 0 for all ports. */
  readonly bind: string | undefined;
  /** Of a captured workload, connections to `bind` come by way of the capture: nobody listens there. */
  readonly isCaptured?: boolean;
  readonly hosts: readonly EgressHost[];
}

/** `prod/*.example.com`. */
export interface EgressHost {
  /** `*`: any; `.`: the workload's own. */
  readonly namespace: string;
  /** Lower-case; a host or a wildcard. */
  readonly host: string;
  /** Written with `~` before the namespace: what it covers is left out, whatever else is listed. */
  readonly excluded: boolean;
}

export interface IngressListener {
  readonly place: Place;
  /** The workload's port. */
  readonly port: number;
  readonly protocol: Protocol;
  /** Where the application listens; undefined: at the port. */
  readonly defaultEndpoint: SocketAddress | UnixAddress | undefined;
  readonly connectionPool: ConnectionPool | undefined;
  /** TLS of clients that are not of the mesh; it ends here where the mesh's mutual TLS is off. */
  readonly tls: GatewayTls | undefined;
}

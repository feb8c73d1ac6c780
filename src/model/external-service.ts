/**
 * What can be called and does not run under a workload of ours: Istio's ServiceEntry, WorkloadEntry and WorkloadGroup.
 *
 * Documents of one host and namespace, a Kubernetes Service among them, come together in one {@link Service}: what is called and
 * who answers stands there. Here is what was written.
 *
 * @module
 */
import type { LabelSelector } from "./match.ts";
import type { Origin } from "./origin.ts";
import type { EndpointTraits, Location, Resolution, ServicePort } from "./service.ts";
import type { Visibility } from "./visibility.ts";

/** As a document lists it. */
export interface ExternalEndpoint extends EndpointTraits {
  /** By the name of the service's port; a port that is not here is the one that the service says. */
  readonly ports: Readonly<Record<string, number>>;
  /** Likewise, for datagrams; undefined where the document tells no transports apart. */
  readonly udpPorts?: Readonly<Record<string, number>> | undefined;
}

export interface ServiceEntry {
  readonly origin: Origin;
  /** Lower-case, as they stand: nothing is added to short ones. `*.example.com` where addresses are not looked up ahead. */
  readonly hosts: readonly string[];
  /** Virtual addresses, or ranges of them such as `10.0.0.0/8`. */
  readonly addresses: readonly string[];
  readonly ports: readonly ServicePort[];
  readonly location: Location;
  readonly resolution: Resolution;
  readonly endpoints: readonly ExternalEndpoint[];
  /** Of workloads and WorkloadEntries in its namespace; never beside endpoints. */
  readonly workloadSelector: LabelSelector | undefined;
  /** Names of which the server's certificate must have one. */
  readonly subjectAltNames: readonly string[];
  /** Whose workloads may call it. */
  readonly exportTo: Visibility;
}

/** One machine that serves, outside of Kubernetes. */
export interface WorkloadEntry {
  readonly origin: Origin;
  readonly endpoint: ExternalEndpoint;
}

/** What machines of one kind have in common. They are registered by WorkloadEntries. */
export interface WorkloadGroup {
  readonly origin: Origin;
  readonly labels: Readonly<Record<string, string>>;
  /** Without an address. */
  readonly template: ExternalEndpoint;
  readonly probe: WorkloadProbe | undefined;
}

/** How it is found out whether the application is well. */
export interface WorkloadProbe {
  readonly initialDelayMs: number;
  readonly timeoutMs: number;
  readonly periodMs: number;
  readonly successThreshold: number;
  readonly failureThreshold: number;
  readonly check: ProbeCheck;
}

export type ProbeCheck =
  | {
      readonly t: "http";
      readonly host: string | undefined;
      readonly port: number;
      readonly path: string;
      readonly scheme: "HTTP" | "HTTPS";
      readonly headers: readonly { readonly name: string; readonly value: string }[];
    }
  | { readonly t: "tcp"; readonly host: string; readonly port: number }
  | { readonly t: "grpc"; readonly port: number; readonly service: string }
  | { readonly t: "exec"; readonly command: readonly string[] };

/** Endpoints of a Kubernetes Service that selects none: an EndpointSlice, or Endpoints. */
export interface EndpointList {
  readonly origin: Origin;
  /** In its namespace. */
  readonly service: string;
  readonly endpoints: readonly ExternalEndpoint[];
}

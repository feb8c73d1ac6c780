/**
 * What tells the resources of one identity from those of another within one proxy.
 *
 * A sidecar serves one instance and has Istio's plain names. A proxy that several workloads share needs a cluster for each
 * identity, since a cluster presents one certificate, and an inbound cluster for each instance: there, `@` and the
 * identity (or the instance's id) end the name. `@` stands in no host name, subset or port.
 *
 * @module
 */
import type { Credential } from "../model/gateway.ts";
import { localityName } from "../model/locality.ts";
import type { Mesh } from "../model/mesh.ts";
import { type Instance, isCaptured, type ServicePort, spiffeIdOf } from "../model/service.ts";
import { type Caller, callerOf } from "./caller.ts";
import { backendCertificate } from "./gateway-api/servers.ts";
import { looksAtZones } from "./local-cluster.ts";

/** The namespace decides short names and, with the labels, which documents are seen. */
export interface Scope extends Caller {
  /** Ends the names of outbound clusters and of the route configuration; empty for a sidecar. */
  readonly outboundSuffix: string;
  /** SDS secret that holds the SVID. */
  readonly secretName: string;
  /** Set where the proxy stands alone at the edge. */
  readonly gateway: EdgeScope | undefined;
  /** The kernel leads connections to the proxy, so it knows where each was meant to go. */
  readonly captured: boolean;
}

export interface EdgeScope {
  /** What backends with a BackendTLSPolicy are shown. */
  readonly backendCertificate: Pick<Credential, "namespace" | "name"> | undefined;
}

/** Istio's name for a workload's own certificate. */
const OWN_SECRET = "default";

export function sidecarScope(
  mesh: Mesh,
  { interceptionMode, workload }: Pick<Instance, "interceptionMode" | "workload">,
): Scope {
  return {
    ...callerOf(mesh, workload),
    outboundSuffix: "",
    secretName: OWN_SECRET,
    gateway: workload.gateway && { backendCertificate: nameOf(backendCertificate(mesh, workload)) },
    captured: isCaptured({ interceptionMode }),
  };
}

/** What tells two scopes apart, beside their Sidecars' contents. */
export const scopeKey = ({ sidecar, ...scope }: Scope): string =>
  JSON.stringify({ ...scope, sidecar: sidecar && `${sidecar.origin.namespace}/${sidecar.origin.name}` });

const nameOf = (credential: Credential | undefined): EdgeScope["backendCertificate"] =>
  credential && { namespace: credential.namespace, name: credential.name };

/**
 * In a shared proxy the secret's name is the SPIFFE ID itself. Workloads of one identity that documents tell apart by their labels
 * have clusters and routes of their own: the labels that are asked for, and where they run, stand behind the identity. Where zones are looked at, each
 * workload has its own, since its own service counts.
 */
export function sharedScope(mesh: Mesh, { workload }: Instance): Scope {
  const caller = callerOf(mesh, workload);
  const told = Object.entries(caller.labels).map(([name, value]) => `,${name}=${value}`);
  if (caller.locality !== undefined) told.push(`,${localityName(caller.locality)}`);
  if (caller.locality !== undefined && looksAtZones(mesh)) told.push(`,${workload.name}`);
  return {
    ...caller,
    outboundSuffix: `@${workload.namespace}/${workload.serviceAccount}${told.join("")}`,
    secretName: spiffeIdOf(mesh.settings.trustDomain, workload),
    gateway: undefined,
    captured: false,
  };
}

/** `outbound|9080|v1|reviews.default.svc.cluster.local`, as Istio names it. */
export function outboundCluster(scope: Scope, port: PortNumber, subset: string | undefined, host: string): string {
  return `outbound|${port.number}|${subset ?? ""}|${host}${scope.outboundSuffix}`;
}

interface PortNumber {
  readonly number: number;
}

/** What a caller in the mesh asks for in TLS: `outbound_.9080_.v1_.reviews.default.svc.cluster.local`, as in Istio. */
export function sniOf(port: PortNumber, subset: string | undefined, host: string): string {
  return `outbound_.${port.number}_.${subset ?? ""}_.${host}`;
}

/** Where opaque bytes to a port go: a cluster of its own, named with `@tcp` at the end, where HTTP may go to the same port. */
export function outboundTcpCluster(
  scope: Scope,
  port: Pick<ServicePort, "number" | "protocol">,
  subset: string | undefined,
  host: string,
): string {
  return `${outboundCluster(scope, port, subset, host)}${port.protocol === "auto" ? "@tcp" : ""}`;
}

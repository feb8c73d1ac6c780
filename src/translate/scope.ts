/**
 * What tells the resources of one identity from those of another within one proxy.
 *
 * A sidecar serves one instance and has Istio's plain names. A proxy that several workloads share needs a cluster for each
 * identity, since a cluster presents one certificate, and an inbound cluster for each instance: there, `@` and the
 * identity (or the instance's id) end the name. `@` stands in no host name, subset or port.
 *
 * @module
 */
import { type Instance, type ServicePort, spiffeIdOf } from "../model/service.ts";

export interface Scope {
  /** Of the calling workload: decides short names and which DestinationRules are seen. */
  readonly namespace: string;
  /** Ends the names of outbound clusters and of the route configuration; empty for a sidecar. */
  readonly outboundSuffix: string;
  /** SDS secret that holds the SVID. */
  readonly secretName: string;
}

/** Istio's name for a workload's own certificate. */
const OWN_SECRET = "default";

export function sidecarScope(instance: Instance): Scope {
  return { namespace: instance.workload.namespace, outboundSuffix: "", secretName: OWN_SECRET };
}

/** In a shared proxy the secret's name is the SPIFFE ID itself. */
export function sharedScope(instance: Instance, trustDomain: string): Scope {
  const { namespace, serviceAccount } = instance.workload;
  return {
    namespace,
    outboundSuffix: `@${namespace}/${serviceAccount}`,
    secretName: spiffeIdOf(trustDomain, instance.workload),
  };
}

/** `outbound|9080|v1|reviews.default.svc.cluster.local`, as Istio names it. */
export function outboundCluster(scope: Scope, port: PortNumber, subset: string | undefined, host: string): string {
  return `outbound|${port.number}|${subset ?? ""}|${host}${scope.outboundSuffix}`;
}

interface PortNumber {
  readonly number: number;
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

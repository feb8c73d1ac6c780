/**
 * Labels of Istio's standard metrics that are the same for all requests between two workloads.
 *
 * Source: Istio standard metrics, and the `istio_stats` filter of istio/proxy: what is not known reads `unknown`;
 * `connection_security_policy` is known on the receiving side only.
 *
 * @module
 */
import type { Labels } from "./labels.ts";

/** One end of a connection, as far as it is known. */
export interface PeerLabels {
  readonly workload?: string | undefined;
  readonly namespace?: string | undefined;
  /** SPIFFE ID of the verified certificate. */
  readonly principal?: string | undefined;
  readonly app?: string | undefined;
  readonly version?: string | undefined;
  readonly cluster?: string | undefined;
  readonly canonicalService?: string | undefined;
  readonly canonicalRevision?: string | undefined;
}

export interface ServiceLabels {
  /** Fully qualified host name. */
  readonly host?: string | undefined;
  readonly name?: string | undefined;
  readonly namespace?: string | undefined;
}

export interface TrafficLabels {
  readonly reporter: "source" | "destination";
  readonly source: PeerLabels;
  readonly destination: PeerLabels;
  readonly service: ServiceLabels;
  readonly protocol: "http" | "grpc" | "tcp";
  /** Whether both ends showed a certificate. Reported by the destination alone. */
  readonly mutualTls: boolean;
}

const UNKNOWN = "unknown";

/** The labels with Istio's names, without those that differ between requests. */
export function trafficLabels(traffic: TrafficLabels): Labels {
  return {
    reporter: traffic.reporter,
    ...peerLabels("source", traffic.source),
    ...peerLabels("destination", traffic.destination),
    destination_service: known(traffic.service.host),
    destination_service_name: known(traffic.service.name),
    destination_service_namespace: known(traffic.service.namespace),
    request_protocol: traffic.protocol,
    connection_security_policy: securityPolicy(traffic),
  };
}

function peerLabels(side: "source" | "destination", peer: PeerLabels): Labels {
  return {
    [`${side}_workload`]: known(peer.workload),
    [`${side}_workload_namespace`]: known(peer.namespace),
    [`${side}_principal`]: known(peer.principal),
    [`${side}_app`]: known(peer.app),
    [`${side}_version`]: known(peer.version),
    [`${side}_cluster`]: known(peer.cluster),
    [`${side}_canonical_service`]: known(peer.canonicalService),
    [`${side}_canonical_revision`]: known(peer.canonicalRevision),
  };
}

const known = (value: string | undefined): string => value || UNKNOWN;

function securityPolicy({ reporter, mutualTls }: TrafficLabels): string {
  if (reporter === "source") return UNKNOWN;
  return mutualTls ? "mutual_tls" : "none";
}

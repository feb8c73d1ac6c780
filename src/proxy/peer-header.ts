/**
 * How one proxy tells the next which workload it stands in front of. A certificate names the service account only, and
 * several workloads may share one; metrics want the workload.
 *
 * Sent on the first request of each mutual-TLS connection, believed only there and only where the namespace
 * is that of the certificate, and never passed on. The form is that of Istio's `istio.workload` endpoint metadata with
 * two more parts: `workload;namespace;canonical service;canonical revision;cluster;app;version`.
 *
 * @module
 */
import type { PeerLabels } from "../telemetry/istio-labels.ts";

const MAX_LENGTH = 512;

export function formatPeer(peer: PeerLabels): string {
  const parts = [
    peer.workload,
    peer.namespace,
    peer.canonicalService,
    peer.canonicalRevision,
    peer.cluster,
    peer.app,
    peer.version,
  ];
  return parts.map((part) => (part ?? "").replace(/[^\w.-]/g, "_")).join(";");
}

/** Labels of what a peer, or an endpoint's metadata, says. Empty parts are unknown. */
export function parsePeer(text: string): PeerLabels {
  const [workload, namespace, canonicalService, canonicalRevision, cluster, app, version] = text
    .slice(0, MAX_LENGTH)
    .split(";")
    .map((part) => part || undefined);
  return {
    workload,
    namespace,
    canonicalService,
    canonicalRevision,
    cluster,
    app: app ?? canonicalService,
    version: version ?? canonicalRevision,
  };
}

/** What a peer says, where its certificate agrees; otherwise only what the certificate itself tells. */
export function trustedPeer(said: string | undefined, spiffeId: string): PeerLabels {
  const namespace = /\/ns\/([^/]+)\/sa\//.exec(spiffeId)?.[1];
  const peer = said === undefined ? undefined : parsePeer(said);
  return peer !== undefined && peer.namespace === namespace
    ? { ...peer, principal: spiffeId }
    : { namespace, principal: spiffeId };
}

/**
 * Whether a peer may have a node's resources: it must be the proxy that the node's id names.
 *
 * @module
 */
import { readCertificate } from "../../identity/certificate-read.ts";
import { verifyPeer } from "../../identity/verify-peer.ts";
import type { PeerIdentity } from "../../net/socket.ts";
import type { Authorization } from "../../xds/server/ads-call.ts";
import type { CertificateLedger } from "./certificate-ledger.ts";
import type { MeshProxy } from "./roster.ts";

/**
 * @param proxy The proxy that the node's id names; undefined when the mesh has none of that id.
 */
export function authorizeNode(
  peer: PeerIdentity | undefined,
  proxy: MeshProxy | undefined,
  ledger: CertificateLedger,
  nowMs: number,
): Authorization {
  if (peer === undefined) return refused("discovery needs a client certificate: none was given");
  if (proxy === undefined) return refused("the node id is of no proxy of this mesh");
  const allowed = [{ kind: "exact", value: proxy.spiffeId }] as const;
  const verdict = verifyPeer(peer, { allowed, role: "client", nowMs });
  if (!verdict.ok) return refused(verdict.reason);
  const { serial, notBeforeMs, notAfterMs } = readCertificate(peer.raw);
  const owner = ledger.ownerOf(serial);
  if (owner !== undefined && owner !== proxy.id)
    return refused(`the certificate was issued to proxy ${owner}, and the node id is of ${proxy.id}`);
  // Not known after a restart: the identity alone decides, and whoever comes with it keeps it.
  if (owner === undefined)
    ledger.add(
      { proxyId: proxy.id, spiffeId: proxy.spiffeId, serial, issuedMs: undefined, notBeforeMs, notAfterMs },
      nowMs,
    );
  return { t: "ok" };
}

const refused = (reason: string): Authorization => ({ t: "refused", reason });

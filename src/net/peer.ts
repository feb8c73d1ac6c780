/**
 * Reads a verified certificate into a {@link PeerIdentity}.
 *
 * @module
 */
import { createHash, type X509Certificate } from "node:crypto";
import { publicKeyInfo } from "./der.ts";
import type { PeerIdentity } from "./socket.ts";
import { subjectAltNames } from "./subject-alt-names.ts";

export function peerIdentity(certificate: X509Certificate): PeerIdentity {
  const { uris, dnsNames } = subjectAltNames(certificate.raw);
  return {
    raw: certificate.raw,
    spiffeId: uris.length === 1 && uris[0]?.startsWith("spiffe://") ? uris[0] : undefined,
    uriSans: uris,
    dnsSans: dnsNames,
    subject: (certificate.subject ?? "").replaceAll("\n", ","),
    notAfterMs: Date.parse(certificate.validTo),
    spkiSha256: createHash("sha256")
      .update(publicKeyInfo(certificate.raw) ?? "")
      .digest("base64"),
    fingerprint256: certificate.fingerprint256.replaceAll(":", "").toLowerCase(),
  };
}

/** Peers are few and come again: reading a certificate costs a tenth of a handshake, and keeping it for each connection 2 kB. */
const MAX_KNOWN = 1000;
const known = new Map<string, PeerIdentity>();

/** {@link peerIdentity}, the same object for the same certificate. */
export function knownPeer(certificate: X509Certificate): PeerIdentity {
  const der = certificate.raw.toString("latin1");
  let peer = known.get(der);
  if (peer !== undefined) return peer;
  if (known.size >= MAX_KNOWN) known.clear();
  peer = peerIdentity(certificate);
  known.set(der, peer);
  return peer;
}

/** ALPN's wire form: each name after a byte with its length (RFC 7301 §3.1). */
export function alpnWire(names: readonly string[]): Buffer {
  return Buffer.concat(names.map((name) => Buffer.concat([Buffer.of(name.length), Buffer.from(name, "latin1")])));
}

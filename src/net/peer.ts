/**
 * Reads a verified certificate into a {@link PeerIdentity}.
 *
 * @module
 */
import type { X509Certificate } from "node:crypto";
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
    fingerprint256: certificate.fingerprint256.replaceAll(":", "").toLowerCase(),
  };
}

/** ALPN's wire form: each name after a byte with its length (RFC 7301 §3.1). */
export function alpnWire(names: readonly string[]): Buffer {
  return Buffer.concat(names.map((name) => Buffer.concat([Buffer.of(name.length), Buffer.from(name, "latin1")])));
}

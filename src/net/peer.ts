/**
 * Reads a verified certificate into a {@link PeerIdentity}.
 *
 * @module
 */
import type { X509Certificate } from "node:crypto";
import type { PeerIdentity } from "./socket.ts";

/** `subjectAltName` quotes names that hold commas or quotes; those are not legal in the SPIFFE ids and names we accept. */
function sans(certificate: X509Certificate, kind: "URI" | "DNS"): string[] {
  const all = certificate.subjectAltName ?? "";
  return all
    .split(", ")
    .filter((entry) => entry.startsWith(`${kind}:`))
    .map((entry) => entry.slice(kind.length + 1));
}

export function peerIdentity(certificate: X509Certificate): PeerIdentity {
  const uriSans = sans(certificate, "URI");
  return {
    spiffeId: uriSans.length === 1 && uriSans[0]?.startsWith("spiffe://") ? uriSans[0] : undefined,
    uriSans,
    dnsSans: sans(certificate, "DNS"),
    subject: (certificate.subject ?? "").replaceAll("\n", ","),
    notAfterMs: Date.parse(certificate.validTo),
    fingerprint256: certificate.fingerprint256.replaceAll(":", "").toLowerCase(),
  };
}

/** ALPN's wire form: each name after a byte with its length (RFC 7301 §3.1). */
export function alpnWire(names: readonly string[]): Buffer {
  return Buffer.concat(names.map((name) => Buffer.concat([Buffer.of(name.length), Buffer.from(name, "latin1")])));
}

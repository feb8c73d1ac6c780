/**
 * Decides whether the peer of a TLS connection is who it must be.
 *
 * To be asked after the TLS library has verified the chain against the trust bundle, and before a byte of the connection
 * is passed on. Nothing here checks a signature unless `chain` is given.
 *
 * Source: X509-SVID standard section 5.2 (leaf validation): one URI name, a SPIFFE ID with a path, CA:false, neither
 * keyCertSign nor cRLSign, digitalSignature. Stricter in one point: an extended key usage without the needed purpose
 * is refused.
 *
 * @module
 */
import { readCertificate, type CertificateFields } from "./certificate-read.ts";
import { CredentialError } from "./credential-error.ts";
import { KEY_USAGE } from "./extensions.ts";
import { OID } from "./oids.ts";
import { parseSpiffeId, type SpiffeId } from "./spiffe.ts";
import { describeMatcher, matchesSpiffeId, type SpiffeMatcher } from "./spiffe-matcher.ts";
import type { TrustBundle } from "./trust-bundle.ts";
import { checkDates, verifyChain } from "./verify-chain.ts";

/** A certificate as `getPeerX509Certificate()` gives it; only the octets are read. */
export interface PeerCertificate {
  readonly raw: Uint8Array;
}

export interface PeerRules {
  /** Who the peer may be: one matcher at least must hold. `"any"` takes every SPIFFE ID; an empty list takes nobody. */
  readonly allowed: readonly SpiffeMatcher[] | "any";
  /** What the peer does on this connection. */
  readonly role: "client" | "server";
  /** Milliseconds since 1970. */
  readonly nowMs: number;
  /** Has the chain verified here too, for callers without a TLS library in between. */
  readonly chain?: { readonly intermediates: readonly PeerCertificate[]; readonly bundle: TrustBundle };
}

export type PeerVerdict =
  | { readonly ok: true; readonly id: SpiffeId; readonly serial: string; readonly notAfterMs: number }
  | { readonly ok: false; readonly reason: string };

/** Never throws: whatever is wrong is a reason in words. */
export function verifyPeer(peer: PeerCertificate | undefined, rules: PeerRules): PeerVerdict {
  if (peer === undefined) return { ok: false, reason: "peer must present a certificate: it presented none" };
  try {
    return judge(peer, rules);
  } catch (error) {
    if (error instanceof CredentialError) return { ok: false, reason: error.message };
    throw error;
  }
}

function judge(peer: PeerCertificate, rules: PeerRules): PeerVerdict {
  const { chain, nowMs } = rules;
  if (chain) verifyChain([peer.raw, ...chain.intermediates.map((c) => c.raw)], chain.bundle, nowMs);
  const fields = readCertificate(peer.raw);
  checkDates(fields, "peer", nowMs);
  checkLeafUsage(fields, rules.role);
  const id = spiffeIdOf(fields);
  if (rules.allowed !== "any" && !rules.allowed.some((matcher) => matchesSpiffeId(matcher, id))) {
    const expected = rules.allowed.map(describeMatcher).join(" or ") || "nobody";
    return { ok: false, reason: `peer must be ${expected}: it is ${id.uri}` };
  }
  return { ok: true, id, serial: fields.serial, notAfterMs: fields.notAfterMs };
}

function checkLeafUsage(fields: CertificateFields, role: "client" | "server"): void {
  if (fields.isAuthority) throw new CredentialError("peer certificate must be a leaf: it is an authority's");
  const usage = fields.keyUsage ?? [];
  if (!usage.includes(KEY_USAGE.digitalSignature))
    throw new CredentialError("peer certificate must be for digitalSignature: it is not");
  if (usage.includes(KEY_USAGE.keyCertSign) || usage.includes(KEY_USAGE.crlSign))
    throw new CredentialError("peer certificate must not be for keyCertSign or cRLSign: it is");
  const purpose = role === "client" ? OID.clientAuth : OID.serverAuth;
  if (fields.purposes && !fields.purposes.includes(purpose))
    throw new CredentialError(`peer certificate must be for ${role} authentication: it is not`);
}

/**
 * The SPIFFE ID that a leaf certificate carries.
 * @throws {CredentialError} Unless there is exactly one URI name and it is a SPIFFE ID with a path.
 */
export function spiffeIdOf(certificate: CertificateFields | PeerCertificate): SpiffeId {
  const { uris } = "uris" in certificate ? certificate : readCertificate(certificate.raw);
  const [uri] = uris;
  if (uri === undefined || uris.length > 1)
    throw new CredentialError(`certificate must have one URI name: found ${uris.length}`);
  const id = parseSpiffeId(uri);
  if (id.path === "") throw new CredentialError(`SPIFFE ID of a workload must have a path: found ${uri}`);
  return id;
}

/**
 * Checks that a certificate chain leads to a trusted root.
 *
 * The data plane leaves this to the TLS library. It is used where no TLS library stands in between: when a new SVID
 * arrives, when an authority's files are opened, in tests.
 *
 * Source: RFC 5280 section 6, without policies, name constraints and revocation: a certificate that has a critical
 * extension that is not read here is refused. The root's dates and path length count too.
 *
 * @module
 */
import { X509Certificate } from "node:crypto";
import { readCertificate, type CertificateFields } from "./certificate-read.ts";
import { CredentialError } from "./credential-error.ts";
import { readAuthority, type Authority, type TrustBundle } from "./trust-bundle.ts";

/** Authorities between a leaf and a root. */
const MAX_INTERMEDIATES = 5;

/**
 * @param chain DER, the leaf first, then the authorities in any order; a root among them is not trusted for being there.
 * @returns The leaf's fields.
 * @throws {CredentialError} Naming the first rule that does not hold.
 */
export function verifyChain(chain: readonly Uint8Array[], bundle: TrustBundle, nowMs: number): CertificateFields {
  const [leafDer, ...rest] = chain;
  if (leafDer === undefined || rest.length > MAX_INTERMEDIATES)
    throw new CredentialError(`chain must have 1 to ${MAX_INTERMEDIATES + 1} certificates: found ${chain.length}`);
  const leaf = readCertificate(leafDer);
  checkUsable(leaf, "leaf", nowMs);
  const intermediates = rest.map(readAuthority);
  let child = leaf;
  for (let below = 0; below <= rest.length; below++) {
    const root = issuerOf(child, bundle.roots);
    const issuer = root ?? issuerOf(child, intermediates);
    if (issuer === undefined) break;
    checkUsable(issuer.fields, root ? "root" : "intermediate", nowMs);
    const { pathLength } = issuer.fields;
    if (pathLength !== undefined && below > pathLength)
      throw new CredentialError(`authority may have ${pathLength} authorities below it: found ${below}`);
    if (root) return leaf;
    child = issuer.fields;
  }
  throw new CredentialError("chain must lead to a root of the trust bundle: it does not");
}

/** @throws {CredentialError} Unless `fields` is valid at `nowMs`. */
export function checkDates(fields: CertificateFields, what: string, nowMs: number): void {
  const { notBeforeMs, notAfterMs } = fields;
  const iso = (ms: number): string => new Date(ms).toISOString();
  if (nowMs < notBeforeMs)
    throw new CredentialError(`${what} certificate is valid from ${iso(notBeforeMs)}: it is ${iso(nowMs)} here`);
  if (nowMs > notAfterMs)
    throw new CredentialError(`${what} certificate expired at ${iso(notAfterMs)}: it is ${iso(nowMs)} here`);
}

function checkUsable(fields: CertificateFields, what: string, nowMs: number): void {
  checkDates(fields, what, nowMs);
  const [unknown] = fields.unknownCritical;
  if (unknown !== undefined)
    throw new CredentialError(`${what} certificate has a critical extension that is not supported: ${unknown}`);
}

function issuerOf(child: CertificateFields, authorities: readonly Authority[]): Authority | undefined {
  const named = authorities.filter((a) => Buffer.compare(a.fields.subject, child.issuer) === 0);
  if (named.length === 0) return undefined;
  const certificate = x509(child.der);
  return named.find((a) => signatureHolds(certificate, a));
}

function x509(der: Uint8Array): X509Certificate {
  try {
    return new X509Certificate(der);
  } catch (cause) {
    throw new CredentialError("certificate must be readable", { cause });
  }
}

function signatureHolds(certificate: X509Certificate, authority: Authority): boolean {
  try {
    return certificate.verify(authority.publicKey);
  } catch {
    return false; // a signature algorithm that is not of the key's kind
  }
}

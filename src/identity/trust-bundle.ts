/**
 * Trust bundles: the roots that a peer's chain may end in. Several at once, so that a root can be replaced while both are
 * trusted.
 *
 * @module
 */
import { X509Certificate, type KeyObject } from "node:crypto";
import { readCertificate, type CertificateFields } from "./certificate-read.ts";
import { CredentialError } from "./credential-error.ts";
import { fromPem, toPem } from "./pem.ts";

/** An authority's certificate with its key ready for use. */
export interface Authority {
  readonly fields: CertificateFields;
  readonly publicKey: KeyObject;
}

export interface TrustBundle {
  /** The roots, one block each, in the order given, without doubles. */
  readonly pem: string;
  readonly roots: readonly Authority[];
}

/** @throws {CredentialError} If there is no root, or one of them is not an authority's certificate. */
export function parseTrustBundle(pem: string): TrustBundle {
  return bundleOf(fromPem(pem, "CERTIFICATE"));
}

/** One bundle with the roots of all, in order. */
export const mergeTrustBundles = (...bundles: readonly TrustBundle[]): TrustBundle =>
  bundleOf(bundles.flatMap((bundle) => bundle.roots.map((root) => root.fields.der)));

/** @throws {CredentialError} If the certificate cannot be read or may not sign others. */
export function readAuthority(der: Uint8Array): Authority {
  const fields = readCertificate(der);
  if (!maySign(fields)) throw new CredentialError("authority certificate must have CA:true and keyCertSign");
  return { fields, publicKey: publicKeyOf(der) };
}

/** CA:true, and keyCertSign where there is a keyUsage at all (RFC 5280 4.2.1.3, 6.1.4 n). */
export const maySign = (fields: CertificateFields): boolean =>
  fields.isAuthority && (fields.keyUsage === undefined || fields.keyUsage.includes(5));

/** @throws {CredentialError} If the runtime cannot read the certificate or its key. */
function publicKeyOf(der: Uint8Array): KeyObject {
  try {
    return new X509Certificate(der).publicKey;
  } catch (cause) {
    throw new CredentialError("authority certificate must have a public key that can be used", { cause });
  }
}

function bundleOf(ders: readonly Uint8Array[]): TrustBundle {
  const unique = ders.filter((der, i) => ders.findIndex((other) => Buffer.compare(der, other) === 0) === i);
  if (unique.length === 0)
    throw new CredentialError("trust bundle must have one root certificate at least: found none");
  return { pem: unique.map((der) => toPem("CERTIFICATE", der)).join(""), roots: unique.map(readAuthority) };
}

/**
 * An X.509 SVID: what a workload proves its identity with, and what it trusts others by.
 *
 * @module
 */
import type { CertificateFields } from "./certificate-read.ts";
import { CredentialError } from "./credential-error.ts";
import { readPrivateKey } from "./keys.ts";
import { fromPem } from "./pem.ts";
import type { SpiffeId } from "./spiffe.ts";
import { parseTrustBundle } from "./trust-bundle.ts";
import { verifyChain } from "./verify-chain.ts";
import { spiffeIdOf } from "./verify-peer.ts";

/** What an authority gives for a request. */
export interface IssuedChain {
  /** The leaf, then the authorities below the root. */
  readonly certChainPem: string;
  /** The roots. */
  readonly trustBundlePem: string;
}

export interface Svid extends IssuedChain {
  /** PKCS#8. Never to be logged or shown. */
  readonly privateKeyPem: string;
  readonly spiffeId: SpiffeId;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  /** Upper case hex. */
  readonly serial: string;
}

/**
 * Joins a key and what an authority gave for it.
 * @throws {CredentialError} If the chain does not lead to the bundle, is not valid at `nowMs`, is not for this key, or
 * carries another identity than `expected`.
 */
export function assembleSvid(privateKeyPem: string, issued: IssuedChain, nowMs: number, expected?: SpiffeId): Svid {
  const bundle = parseTrustBundle(issued.trustBundlePem);
  const leaf = verifyChain(fromPem(issued.certChainPem, "CERTIFICATE"), bundle, nowMs);
  const spiffeId = spiffeIdOf(leaf);
  if (expected && spiffeId.uri !== expected.uri)
    throw new CredentialError(`SVID must be for ${expected.uri}: it is for ${spiffeId.uri}`);
  if (!isForKey(leaf, privateKeyPem)) throw new CredentialError("SVID must be for the key of the request: it is not");
  return {
    certChainPem: issued.certChainPem,
    trustBundlePem: bundle.pem,
    privateKeyPem,
    spiffeId,
    notBeforeMs: leaf.notBeforeMs,
    notAfterMs: leaf.notAfterMs,
    serial: leaf.serial,
  };
}

/** Whether a certificate is for the public half of a private key. */
export const isForKey = (certificate: CertificateFields, privateKeyPem: string): boolean =>
  Buffer.compare(certificate.spkiDer, readPrivateKey(privateKeyPem).spkiDer) === 0;

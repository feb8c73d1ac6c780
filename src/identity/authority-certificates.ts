/**
 * What an authority signs: its root, its intermediate, and leaves.
 *
 * Lifetimes are counted from now. The start is put {@link CLOCK_SKEW_MS} back, so that a machine whose clock is behind
 * takes a certificate at once; the end is rounded up to a second, so that a life of seconds is not cut short.
 *
 * Source: RFC 5280; X509-SVID standard sections 3 and 4 and appendix A.
 *
 * @module
 */
import {
  buildCertificate,
  distinguishedName,
  EMPTY_NAME,
  randomSerial,
  type CertificateTemplate,
} from "./certificate-write.ts";
import { readCertificate, type CertificateFields } from "./certificate-read.ts";
import {
  authorityConstraints,
  authorityKeyIdentifier,
  extendedKeyUsage,
  keyUsage,
  leafConstraints,
  subjectAltUris,
  subjectKeyIdentifier,
} from "./extensions.ts";
import { generateKeyPair, keyIdentifier, type KeyPair } from "./keys.ts";
import { OID } from "./oids.ts";
import { trustDomainSpiffeId, type SpiffeId } from "./spiffe.ts";

/** How far a verifier's clock may be behind ours. */
export const CLOCK_SKEW_MS = 120_000;

/** A certificate with the key that it is for. */
export interface Issuer {
  readonly certificate: CertificateFields;
  readonly key: KeyPair;
}

/** A new key with a self-signed certificate for it. */
export function makeRoot(trustDomain: string, ttlMs: number, nowMs: number): Issuer {
  const key = generateKeyPair();
  const keyId = keyIdentifier(key.spkiDer);
  const name = authorityName("root", keyId);
  const certificate = buildCertificate(
    {
      ...lifetime(nowMs, ttlMs),
      serial: randomSerial(),
      issuer: name,
      subject: name,
      spkiDer: key.spkiDer,
      extensions: [...authorityExtensions(trustDomain, keyId, undefined), authorityKeyIdentifier(keyId)],
    },
    key.privateKey,
  );
  return { certificate: readCertificate(certificate), key };
}

/** A new key with a certificate by `root` that may sign leaves only; it ends with the root at the latest. */
export function makeIntermediate(root: Issuer, trustDomain: string, ttlMs: number, nowMs: number): Issuer {
  const key = generateKeyPair();
  const keyId = keyIdentifier(key.spkiDer);
  const certificate = signWith(root, nowMs, ttlMs, {
    subject: authorityName("intermediate", keyId),
    spkiDer: key.spkiDer,
    extensions: authorityExtensions(trustDomain, keyId, 0),
  });
  return { certificate, key };
}

/** A leaf for a workload; it ends with its issuer at the latest. */
export function signLeaf(
  issuer: Issuer,
  spkiDer: Uint8Array,
  id: SpiffeId,
  ttlMs: number,
  nowMs: number,
): CertificateFields {
  return signWith(issuer, nowMs, ttlMs, {
    subject: EMPTY_NAME,
    spkiDer,
    extensions: [
      leafConstraints(),
      keyUsage("digitalSignature"),
      extendedKeyUsage(OID.serverAuth, OID.clientAuth),
      subjectAltUris([id.uri], true),
      subjectKeyIdentifier(keyIdentifier(spkiDer)),
    ],
  });
}

function signWith(
  issuer: Issuer,
  nowMs: number,
  ttlMs: number,
  t: Pick<CertificateTemplate, "subject" | "spkiDer" | "extensions">,
): CertificateFields {
  const { certificate, key } = issuer;
  const { notBeforeMs, notAfterMs } = lifetime(nowMs, ttlMs);
  const der = buildCertificate(
    {
      ...t,
      serial: randomSerial(),
      issuer: certificate.subject,
      notBeforeMs: Math.max(notBeforeMs, certificate.notBeforeMs),
      notAfterMs: Math.min(notAfterMs, certificate.notAfterMs),
      extensions: [...t.extensions, authorityKeyIdentifier(keyIdentifier(key.spkiDer))],
    },
    key.privateKey,
  );
  return readCertificate(der);
}

const lifetime = (nowMs: number, ttlMs: number) => ({
  notBeforeMs: Math.floor((nowMs - CLOCK_SKEW_MS) / 1000) * 1000,
  notAfterMs: Math.ceil((nowMs + ttlMs) / 1000) * 1000,
});

/** The key is part of the name: two roots that are trusted at once, old and new, must not share a name. */
const authorityName = (kind: string, keyId: Uint8Array): Buffer =>
  distinguishedName("Tulle", `Tulle ${kind} ${Buffer.from(keyId).toString("hex").slice(0, 8)}`);

const authorityExtensions = (trustDomain: string, keyId: Uint8Array, pathLength: number | undefined): Buffer[] => [
  authorityConstraints(pathLength),
  keyUsage("keyCertSign", "crlSign"),
  subjectAltUris([trustDomainSpiffeId(trustDomain).uri], false),
  subjectKeyIdentifier(keyId),
];

/**
 * A certificate for a developer's own machine: signed by itself, so that trusting it trusts nothing else.
 *
 * @module
 */
import { CLOCK_SKEW_MS } from "./authority-certificates.ts";
import { buildCertificate, distinguishedName, randomSerial } from "./certificate-write.ts";
import { extendedKeyUsage, leafConstraints, subjectAltDns, subjectKeyIdentifier } from "./extensions.ts";
import { generateKeyPair, keyIdentifier } from "./keys.ts";
import { OID } from "./oids.ts";
import { toPem } from "./pem.ts";

export interface DevelopmentCertificate {
  readonly certChainPem: string;
  /** PKCS#8. */
  readonly privateKeyPem: string;
}

/** Browsers take no server certificate that lives longer than 398 days. */
const LIFE_MS = 397 * 24 * 3_600_000;

/**
 * @param hosts DNS names, wildcards too.
 * @param nowMs Milliseconds since 1970.
 */
export function makeDevelopmentCertificate(hosts: readonly string[], nowMs: number): DevelopmentCertificate {
  const key = generateKeyPair();
  const name = distinguishedName("Tulle development", hosts[0] ?? "localhost");
  const der = buildCertificate(
    {
      serial: randomSerial(),
      issuer: name,
      subject: name,
      notBeforeMs: Math.floor((nowMs - CLOCK_SKEW_MS) / 1000) * 1000,
      notAfterMs: Math.ceil((nowMs + LIFE_MS) / 1000) * 1000,
      spkiDer: key.spkiDer,
      extensions: [
        leafConstraints(),
        extendedKeyUsage(OID.serverAuth, OID.clientAuth),
        subjectAltDns(hosts),
        subjectKeyIdentifier(keyIdentifier(key.spkiDer)),
      ],
    },
    key.privateKey,
  );
  return { certChainPem: toPem("CERTIFICATE", der), privateKeyPem: key.privateKeyPem };
}

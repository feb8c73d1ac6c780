/**
 * Which certificates are out: the latest of each proxy's identities, and whose a serial number is.
 *
 * Several proxies may have one identity (copies of a workload, shared proxies), so a certificate is known by its serial
 * number: a renewal is authenticated with the certificate before, which says which proxy asks.
 *
 * @module
 */
export interface IssuedCertificate {
  /** Id of the proxy that it was issued to; undefined when that is not known. */
  readonly proxyId: string | undefined;
  readonly spiffeId: string;
  /** Upper-case hex. */
  readonly serial: string;
  /** Undefined of one that was issued before a restart. */
  readonly issuedMs: number | undefined;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

export class CertificateLedger {
  readonly #bySerial = new Map<string, IssuedCertificate>();

  /** Keeps it until it has expired. */
  add(certificate: IssuedCertificate, nowMs: number): void {
    for (const [serial, { notAfterMs }] of this.#bySerial) if (notAfterMs < nowMs) this.#bySerial.delete(serial);
    this.#bySerial.set(certificate.serial, certificate);
  }

  /** The proxy that has the certificate with this serial number. */
  ownerOf(serial: string): string | undefined {
    return this.#bySerial.get(serial)?.proxyId;
  }

  /** The latest certificates of a proxy, one an identity. */
  latestOf(proxyId: string): readonly IssuedCertificate[] {
    const latest = new Map<string, IssuedCertificate>();
    for (const certificate of this.#bySerial.values()) {
      if (certificate.proxyId !== proxyId) continue;
      const known = latest.get(certificate.spiffeId);
      if (known === undefined || certificate.notAfterMs >= known.notAfterMs)
        latest.set(certificate.spiffeId, certificate);
    }
    return [...latest.values()];
  }
}

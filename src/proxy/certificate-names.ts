/**
 * The SPIFFE IDs in certificates of our own.
 *
 * @module
 */
import { CredentialError } from "../identity/credential-error.ts";
import { readCertificate } from "../identity/certificate-read.ts";
import { fromPem } from "../identity/pem.ts";
import { spiffeIdOf } from "../identity/verify-peer.ts";

/** Certificates in use at once, with those of the last rotation. */
const MAX_KEPT = 64;

/** Reads each certificate once: it is asked for on every request. */
export class CertificateNames {
  readonly #ids = new Map<string, string | undefined>();

  /** Undefined where the leaf of the chain names none. */
  spiffeIdOf(certChainPem: string): string | undefined {
    if (this.#ids.has(certChainPem)) return this.#ids.get(certChainPem);
    if (this.#ids.size >= MAX_KEPT) this.#ids.clear();
    const id = read(certChainPem);
    this.#ids.set(certChainPem, id);
    return id;
  }
}

function read(certChainPem: string): string | undefined {
  try {
    const leaf = fromPem(certChainPem, "CERTIFICATE")[0];
    return leaf === undefined ? undefined : spiffeIdOf(readCertificate(leaf)).uri;
  } catch (error) {
    if (error instanceof CredentialError) return undefined;
    throw error;
  }
}

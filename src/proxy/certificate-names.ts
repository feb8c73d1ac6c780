/**
 * The SPIFFE ID in a certificate of our own, read once for each certificate.
 *
 * @module
 */
import { CredentialError } from "../identity/credential-error.ts";
import { readCertificate } from "../identity/certificate-read.ts";
import { fromPem } from "../identity/pem.ts";
import { spiffeIdOf } from "../identity/verify-peer.ts";

let lastPem = "";
let lastId: string | undefined;

/** Undefined where the leaf of the chain names none. */
export function certificateSpiffeId(certChainPem: string): string | undefined {
  if (certChainPem === lastPem) return lastId;
  lastPem = certChainPem;
  lastId = read(certChainPem);
  return lastId;
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

/**
 * Builds PKCS#10 certificate requests (RFC 2986) for P-256 keys.
 *
 * @module
 */
import { EMPTY_NAME, signed } from "./certificate-write.ts";
import { contextConstructed, objectIdentifier, sequence, setOfOne, smallInteger, tlv } from "./der-write.ts";
import { subjectAltUris } from "./extensions.ts";
import type { KeyPair } from "./keys.ts";
import { OID } from "./oids.ts";
import { toPem } from "./pem.ts";
import type { SpiffeId } from "./spiffe.ts";

/**
 * A request in PEM with an empty subject, signed by the key that it asks a certificate for.
 * @param wanted Written as a requested alternative name for authorities that look at it; ours does not.
 */
export function buildCsr(key: Pick<KeyPair, "privateKey" | "spkiDer">, wanted?: SpiffeId): string {
  const attributes = wanted === undefined ? [] : [extensionRequest(subjectAltUris([wanted.uri], true))];
  const info = sequence(smallInteger(0), EMPTY_NAME, key.spkiDer, tlv(contextConstructed(0), ...attributes));
  return toPem("CERTIFICATE REQUEST", signed(info, key.privateKey));
}

const extensionRequest = (...extensions: readonly Uint8Array[]): Buffer =>
  sequence(objectIdentifier(OID.extensionRequest), setOfOne(sequence(...extensions)));

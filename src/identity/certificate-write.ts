/**
 * Builds X.509 v3 certificates signed with ECDSA P-256 and SHA-256. Source: RFC 5280 section 4.1, RFC 5758.
 *
 * @module
 */
import { randomBytes, sign, type KeyObject } from "node:crypto";
import {
  bitString,
  contextConstructed,
  objectIdentifier,
  sequence,
  setOfOne,
  smallInteger,
  time,
  tlv,
  unsignedInteger,
  utf8String,
} from "./der-write.ts";
import { OID } from "./oids.ts";

export interface CertificateTemplate {
  /** Big-endian magnitude, at most 20 octets. */
  readonly serial: Uint8Array;
  /** Name, in DER. */
  readonly issuer: Uint8Array;
  readonly subject: Uint8Array;
  /** Rounded down to a second, as the form has it. */
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  readonly spkiDer: Uint8Array;
  readonly extensions: readonly Uint8Array[];
}

/** AlgorithmIdentifier of ecdsa-with-SHA256: no parameters. */
export const ECDSA_SHA256 = sequence(objectIdentifier(OID.ecdsaWithSha256));

/** Certificate in DER, signed by `issuerKey`, a P-256 private key. */
export function buildCertificate(t: CertificateTemplate, issuerKey: KeyObject): Buffer {
  const toBeSigned = sequence(
    tlv(contextConstructed(0), smallInteger(2)),
    unsignedInteger(t.serial),
    ECDSA_SHA256,
    t.issuer,
    sequence(time(t.notBeforeMs), time(t.notAfterMs)),
    t.subject,
    t.spkiDer,
    tlv(contextConstructed(3), sequence(...t.extensions)),
  );
  return signed(toBeSigned, issuerKey);
}

/** SEQUENCE of the contents, the algorithm and the signature: the shape of certificates and requests alike. */
export const signed = (toBeSigned: Uint8Array, key: KeyObject): Buffer =>
  sequence(toBeSigned, ECDSA_SHA256, bitString(sign("sha256", toBeSigned, key)));

/** 128 random bits. */
export const randomSerial = (): Buffer => randomBytes(16);

/** A Name with an organization and a common name. */
export const distinguishedName = (organization: string, commonName: string): Buffer =>
  sequence(attribute(OID.organization, organization), attribute(OID.commonName, commonName));

/** A Name with nothing in it: the identity is in the alternative name. */
export const EMPTY_NAME = sequence();

const attribute = (type: string, text: string): Buffer => setOfOne(sequence(objectIdentifier(type), utf8String(text)));

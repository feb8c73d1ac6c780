/**
 * Writes the X.509 extensions of our certificates and requests. Source: RFC 5280 section 4.2.1.
 *
 * @module
 */
import {
  booleanTrue,
  contextPrimitive,
  namedBits,
  objectIdentifier,
  octetString,
  sequence,
  smallInteger,
  tlv,
} from "./der-write.ts";
import { OID } from "./oids.ts";

const extension = (oid: string, critical: boolean, value: Uint8Array): Buffer =>
  sequence(objectIdentifier(oid), ...(critical ? [booleanTrue()] : []), octetString(value));

/** An authority that may sign `pathLength` authorities in a row below it; any number when not given. */
export const authorityConstraints = (pathLength?: number): Buffer =>
  extension(
    OID.basicConstraints,
    true,
    sequence(booleanTrue(), ...(pathLength === undefined ? [] : [smallInteger(pathLength)])),
  );

/** `CA:false`, which DER says by leaving the default out. */
export const leafConstraints = (): Buffer => extension(OID.basicConstraints, true, sequence());

/** Bits of keyUsage by their number in RFC 5280. */
export const KEY_USAGE = { digitalSignature: 0, keyCertSign: 5, crlSign: 6 } as const;

export const keyUsage = (...bits: readonly (keyof typeof KEY_USAGE)[]): Buffer =>
  extension(OID.keyUsage, true, namedBits(bits.map((bit) => KEY_USAGE[bit])));

export const extendedKeyUsage = (...purposes: readonly string[]): Buffer =>
  extension(OID.extendedKeyUsage, false, sequence(...purposes.map(objectIdentifier)));

export const subjectKeyIdentifier = (id: Uint8Array): Buffer =>
  extension(OID.subjectKeyIdentifier, false, octetString(id));

export const authorityKeyIdentifier = (id: Uint8Array): Buffer =>
  extension(OID.authorityKeyIdentifier, false, sequence(tlv(contextPrimitive(0), id)));

/** URIs as subject alternative names. `critical` must be true when the subject is empty (RFC 5280 4.1.2.6). */
export const subjectAltUris = (uris: readonly string[], critical: boolean): Buffer =>
  extension(
    OID.subjectAltName,
    critical,
    sequence(...uris.map((uri) => tlv(contextPrimitive(6), Buffer.from(uri, "latin1")))),
  );

/** DNS names as subject alternative names. */
export const subjectAltDns = (names: readonly string[]): Buffer =>
  extension(
    OID.subjectAltName,
    false,
    sequence(...names.map((name) => tlv(contextPrimitive(2), Buffer.from(name, "latin1")))),
  );

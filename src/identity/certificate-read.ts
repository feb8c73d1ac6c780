/**
 * Reads the fields of an X.509 v3 certificate that identity decisions stand on. Source: RFC 5280 section 4.
 *
 * Alternative names are read from the octets. The text that the runtime gives as `subjectAltName` must not be used: Bun 1.4
 * does not quote it, so one URI with `, URI:` in it looks like two names there.
 *
 * No signature is checked here: see verify-chain.ts.
 *
 * @module
 */
import { CredentialError } from "./credential-error.ts";
import { DerReader, latin1 } from "./der-read.ts";
import { contextConstructed, contextPrimitive, TAG } from "./der-write.ts";
import { OID } from "./oids.ts";

export interface CertificateFields {
  readonly der: Uint8Array;
  /** Upper case hex, as OpenSSL and the runtime print it. */
  readonly serial: string;
  /** Names in DER: equal names are equal octets. */
  readonly issuer: Uint8Array;
  readonly subject: Uint8Array;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  readonly spkiDer: Uint8Array;
  readonly isAuthority: boolean;
  readonly pathLength: number | undefined;
  /** Numbers of the keyUsage bits that are set; `undefined` when there is no such extension. */
  readonly keyUsage: readonly number[] | undefined;
  readonly purposes: readonly string[] | undefined;
  readonly uris: readonly string[];
  /** Object identifiers of critical extensions that are not read here. */
  readonly unknownCritical: readonly string[];
}

const MAX_CERTIFICATE_OCTETS = 64 * 1024;

/** @throws {CredentialError} If the certificate's form is wrong. */
export function readCertificate(der: Uint8Array): CertificateFields {
  const what = "certificate";
  if (der.length > MAX_CERTIFICATE_OCTETS)
    throw new CredentialError(`certificate must be at most ${MAX_CERTIFICATE_OCTETS} octets: found ${der.length}`);
  const outer = new DerReader(der);
  const certificate = outer.enter(TAG.sequence, what);
  outer.finish(what);
  const body = certificate.enter(TAG.sequence, "certificate contents");
  const algorithm = certificate.whole(TAG.sequence, "certificate algorithm");
  certificate.bitString("certificate signature");
  certificate.finish(what);
  return { der, ...readBody(body, algorithm) };
}

function readBody(body: DerReader, outerAlgorithm: Uint8Array): Omit<CertificateFields, "der"> {
  const version = body.enter(contextConstructed(0), "certificate version");
  if (version.smallInteger("certificate version") !== 2) throw new CredentialError("certificate must be of version 3");
  version.finish("certificate version");
  const serial = Buffer.from(body.positiveInteger("certificate serial")).toString("hex").toUpperCase();
  if (Buffer.compare(body.whole(TAG.sequence, "certificate algorithm"), outerAlgorithm) !== 0)
    throw new CredentialError("certificate must name one algorithm inside and outside of its signature");
  const issuer = body.whole(TAG.sequence, "certificate issuer");
  const validity = body.enter(TAG.sequence, "certificate validity");
  const notBeforeMs = validity.time("certificate notBefore");
  const notAfterMs = validity.time("certificate notAfter");
  validity.finish("certificate validity");
  const subject = body.whole(TAG.sequence, "certificate subject");
  const spkiDer = body.whole(TAG.sequence, "certificate public key");
  for (const id of [1, 2]) if (body.nextTag === contextPrimitive(id)) body.skip("certificate unique identifier");
  const extensions = body.done ? [] : readExtensions(body);
  body.finish("certificate contents");
  return { serial, issuer, subject, notBeforeMs, notAfterMs, spkiDer, ...interpret(extensions) };
}

interface Extension {
  readonly oid: string;
  readonly critical: boolean;
  readonly value: Uint8Array;
}

function readExtensions(body: DerReader): Extension[] {
  const wrapper = body.enter(contextConstructed(3), "certificate extensions");
  const list = wrapper.enter(TAG.sequence, "certificate extensions");
  wrapper.finish("certificate extensions");
  const found = new Map<string, Extension>();
  while (!list.done) {
    const item = list.enter(TAG.sequence, "extension");
    const oid = item.objectIdentifier("extension type");
    const critical = item.nextTag === TAG.boolean && item.boolean("extension critical");
    const value = item.content(TAG.octetString, "extension value");
    item.finish("extension");
    if (found.has(oid)) throw new CredentialError(`certificate must have each extension once: ${oid} is there twice`);
    found.set(oid, { oid, critical, value });
  }
  return [...found.values()];
}

type Interpreted = Pick<
  CertificateFields,
  "isAuthority" | "pathLength" | "keyUsage" | "purposes" | "uris" | "unknownCritical"
>;

function interpret(extensions: readonly Extension[]): Interpreted {
  const value = (oid: string): DerReader | undefined => {
    const found = extensions.find((e) => e.oid === oid);
    return found && new DerReader(found.value);
  };
  const known: readonly string[] = [
    OID.basicConstraints,
    OID.keyUsage,
    OID.extendedKeyUsage,
    OID.subjectAltName,
    OID.subjectKeyIdentifier,
    OID.authorityKeyIdentifier,
  ];
  const names = value(OID.subjectAltName);
  const usage = value(OID.keyUsage);
  const purposes = value(OID.extendedKeyUsage);
  return {
    ...basicConstraints(value(OID.basicConstraints)),
    keyUsage: usage && keyUsageBits(usage),
    purposes: purposes && purposeList(purposes),
    uris: names ? uriNames(names) : [],
    unknownCritical: extensions.filter((e) => e.critical && !known.includes(e.oid)).map((e) => e.oid),
  };
}

function basicConstraints(value: DerReader | undefined): Pick<Interpreted, "isAuthority" | "pathLength"> {
  if (value === undefined) return { isAuthority: false, pathLength: undefined };
  const what = "basicConstraints";
  const fields = value.enter(TAG.sequence, what);
  value.finish(what);
  const isAuthority = fields.nextTag === TAG.boolean && fields.boolean(what);
  const pathLength = fields.nextTag === TAG.integer ? fields.smallInteger(what) : undefined;
  fields.finish(what);
  return { isAuthority, pathLength };
}

function keyUsageBits(value: DerReader): number[] {
  const { octets } = value.namedBits("keyUsage");
  value.finish("keyUsage");
  const bits: number[] = [];
  for (let bit = 0; bit < Math.min(octets.length * 8, 9); bit++)
    if (((octets[bit >> 3] ?? 0) & (0x80 >> (bit & 7))) !== 0) bits.push(bit);
  return bits;
}

function purposeList(value: DerReader): string[] {
  const list = value.enter(TAG.sequence, "extendedKeyUsage");
  value.finish("extendedKeyUsage");
  const purposes: string[] = [];
  while (!list.done) purposes.push(list.objectIdentifier("extendedKeyUsage"));
  return purposes;
}

function uriNames(value: DerReader): string[] {
  const list = value.enter(TAG.sequence, "subjectAltName");
  value.finish("subjectAltName");
  const uris: string[] = [];
  while (!list.done) {
    if (list.nextTag === contextPrimitive(6)) uris.push(latin1(list.content(contextPrimitive(6), "URI name")));
    else list.skip("alternative name");
  }
  return uris;
}

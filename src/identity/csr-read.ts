/**
 * Reads PKCS#10 certificate requests (RFC 2986) from callers that are not trusted yet.
 *
 * Only the public key is taken. The subject and the attributes are walked, so that the form is right, and then forgotten:
 * who a caller is comes from how it authenticated, never from what it asks for. The signature proves that the
 * caller holds the private key.
 *
 * Accepted: one PEM block or DER of at most 16 KiB, P-256, ecdsa-with-SHA256.
 *
 * @module
 */
import { createHash, verify, type KeyObject } from "node:crypto";
import { ECDSA_SHA256 } from "./certificate-write.ts";
import { CredentialError } from "./credential-error.ts";
import { DerReader } from "./der-read.ts";
import { contextConstructed, TAG } from "./der-write.ts";
import { readP256PublicKey } from "./keys.ts";
import { oneFromPem } from "./pem.ts";

export interface Csr {
  readonly publicKey: KeyObject;
  readonly spkiDer: Uint8Array;
  /** SHA-256 of the public key in hex: the same for every request for one key. */
  readonly keyFingerprint: string;
}

const MAX_CSR_OCTETS = 16 * 1024;

/** @throws {CredentialError} If the form, the key's kind or the signature is wrong. Nothing else is thrown. */
export function readCsr(csr: string | Uint8Array): Csr {
  const der = typeof csr === "string" ? oneFromPem(csr, "CERTIFICATE REQUEST", MAX_CSR_OCTETS * 2) : csr;
  if (der.length > MAX_CSR_OCTETS)
    throw new CredentialError(`certificate request must be at most ${MAX_CSR_OCTETS} octets: found ${der.length}`);
  const { info, spkiDer, signature } = fieldsOf(der);
  const publicKey = readP256PublicKey(spkiDer);
  if (!signatureHolds(info, publicKey, signature))
    throw new CredentialError("certificate request must be signed by the key that it names: the signature is wrong");
  const keyFingerprint = createHash("sha256").update(spkiDer).digest("hex");
  return { publicKey, spkiDer: Uint8Array.from(spkiDer), keyFingerprint };
}

function fieldsOf(der: Uint8Array) {
  const what = "certificate request";
  const outer = new DerReader(der);
  const request = outer.enter(TAG.sequence, what);
  outer.finish(what);
  const info = request.whole(TAG.sequence, `${what} contents`);
  if (Buffer.compare(request.whole(TAG.sequence, `${what} algorithm`), ECDSA_SHA256) !== 0)
    throw new CredentialError("certificate request must be signed with ecdsa-with-SHA256");
  const signature = request.bitString(`${what} signature`);
  request.finish(what);
  return { info, signature, spkiDer: readInfo(new DerReader(info).enter(TAG.sequence, what)) };
}

function readInfo(info: DerReader): Uint8Array {
  const version = info.smallInteger("certificate request version");
  if (version !== 0) throw new CredentialError(`certificate request version must be 0: found ${version}`);
  skipName(info.enter(TAG.sequence, "certificate request subject"));
  const spkiDer = info.whole(TAG.sequence, "certificate request public key");
  const attributes = info.enter(contextConstructed(0), "certificate request attributes");
  while (!attributes.done) skipAttribute(attributes.enter(TAG.sequence, "certificate request attribute"));
  info.finish("certificate request contents");
  return spkiDer;
}

function skipName(name: DerReader): void {
  while (!name.done) {
    const relative = name.enter(TAG.set, "relative name");
    while (!relative.done) {
      const pair = relative.enter(TAG.sequence, "name attribute");
      pair.objectIdentifier("name attribute type");
      pair.skip("name attribute value");
      pair.finish("name attribute");
    }
  }
}

function skipAttribute(attribute: DerReader): void {
  attribute.objectIdentifier("attribute type");
  const values = attribute.enter(TAG.set, "attribute values");
  while (!values.done) values.skip("attribute value");
  attribute.finish("attribute");
}

function signatureHolds(info: Uint8Array, key: KeyObject, signature: Uint8Array): boolean {
  try {
    return verify("sha256", info, key, signature);
  } catch {
    return false; // a signature that is not even a pair of numbers
  }
}

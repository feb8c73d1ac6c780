/**
 * P-256 keys. Private keys travel as PKCS#8 PEM text and are never put in a message or a log.
 *
 * @module
 */
import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import { CredentialError } from "./credential-error.ts";
import { DerReader } from "./der-read.ts";
import { objectIdentifier, sequence, TAG } from "./der-write.ts";
import { OID } from "./oids.ts";

export interface KeyPair {
  /** PKCS#8. */
  readonly privateKeyPem: string;
  readonly privateKey: KeyObject;
  /** SubjectPublicKeyInfo. */
  readonly spkiDer: Buffer;
}

export function generateKeyPair(): KeyPair {
  return keyPairOf(generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey);
}

/** @throws {CredentialError} If the text is not a P-256 private key. */
export function readPrivateKey(pem: string): KeyPair {
  let key: KeyObject;
  try {
    key = createPrivateKey(pem);
  } catch {
    // The cause may quote the text: it is left behind on purpose.
    throw new CredentialError("private key must be PKCS#8 PEM without a passphrase: it could not be read");
  }
  const curve = key.asymmetricKeyDetails?.namedCurve;
  if (key.asymmetricKeyType !== "ec" || curve !== "prime256v1")
    throw new CredentialError(`private key must be EC P-256: found ${key.asymmetricKeyType ?? "?"} ${curve ?? ""}`);
  return keyPairOf(key);
}

function keyPairOf(privateKey: KeyObject): KeyPair {
  return {
    privateKey,
    privateKeyPem: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    spkiDer: createPublicKey(privateKey).export({ type: "spki", format: "der" }),
  };
}

const P256_ALGORITHM = sequence(objectIdentifier(OID.ecPublicKey), objectIdentifier(OID.prime256v1));

/**
 * A P-256 SubjectPublicKeyInfo (RFC 5480) with an uncompressed point on the curve.
 * @throws {CredentialError} If it is anything else.
 */
export function readP256PublicKey(spkiDer: Uint8Array): KeyObject {
  const what = "public key";
  const spki = new DerReader(spkiDer).enter(TAG.sequence, what);
  if (Buffer.compare(spki.whole(TAG.sequence, `${what} algorithm`), P256_ALGORITHM) !== 0)
    throw new CredentialError("public key must be EC P-256 by name (prime256v1)");
  const point = spki.bitString(what);
  spki.finish(what);
  if (point.length !== 65 || point[0] !== 4)
    throw new CredentialError(`public key must be an uncompressed point of 65 octets: found ${point.length}`);
  try {
    return createPublicKey({ key: Buffer.from(spkiDer), format: "der", type: "spki" });
  } catch (cause) {
    throw new CredentialError("public key must be a point on P-256", { cause });
  }
}

/** Key identifier of RFC 7093 section 2, method 1: the first 160 bits of SHA-256 over the key's bits. */
export function keyIdentifier(spkiDer: Uint8Array): Buffer {
  const spki = new DerReader(spkiDer).enter(TAG.sequence, "public key");
  spki.skip("public key algorithm");
  return createHash("sha256").update(spki.bitString("public key")).digest().subarray(0, 20);
}

/**
 * As much of DER as reading a certificate takes. The TLS library has parsed it before: what is odd here yields nothing.
 *
 * Source: RFC 5280 §4.1, X.690.
 *
 * @module
 */

export interface Element {
  readonly tag: number;
  /** Tag and length too. */
  readonly whole: Uint8Array;
  readonly content: Uint8Array;
}

/** The fields of the certificate that its issuer signed. */
export function signedPart(der: Uint8Array): readonly Element[] {
  const certificate = elements(der)[0];
  const signed = certificate === undefined ? undefined : elements(certificate.content)[0];
  return signed === undefined ? [] : elements(signed.content);
}

const VERSION = 0xa0;
/** Behind serial number, signature algorithm, issuer, validity and subject. */
const PUBLIC_KEY_AT = 5;

/** `SubjectPublicKeyInfo` with its tag and length. */
export function publicKeyInfo(der: Uint8Array): Uint8Array | undefined {
  const fields = signedPart(der);
  return fields[fields[0]?.tag === VERSION ? PUBLIC_KEY_AT + 1 : PUBLIC_KEY_AT]?.whole;
}

/** The elements one after the other in `bytes`; none when a length does not fit. */
export function elements(bytes: Uint8Array): readonly Element[] {
  const found: Element[] = [];
  let pos = 0;
  while (pos + 2 <= bytes.length) {
    const tag = bytes[pos] as number;
    let length = bytes[pos + 1] as number;
    let start = pos + 2;
    if (length >= 0x80) {
      const count = length & 0x7f;
      if (count === 0 || count > 3 || start + count > bytes.length) return [];
      length = 0;
      for (let i = 0; i < count; i++) length = length * 256 + (bytes[start++] as number);
    }
    const end = start + length;
    if (end > bytes.length) return [];
    found.push({ tag, whole: bytes.subarray(pos, end), content: bytes.subarray(start, end) });
    pos = end;
  }
  return pos === bytes.length ? found : [];
}

/**
 * URI and DNS names of a certificate, read from its DER. The text that `X509Certificate.subjectAltName` gives is not
 * quoted on Bun, so that one name with `, URI:` in it would read as two.
 *
 * The TLS library has parsed the certificate before: what is odd here yields no names, and nobody is let in by none.
 *
 * Source: RFC 5280 §4.1 and §4.2.1.6.
 *
 * @module
 */

export interface SubjectAltNames {
  readonly uris: readonly string[];
  readonly dnsNames: readonly string[];
}

const SEQUENCE = 0x30;
const OCTET_STRING = 0x04;
const EXTENSIONS = 0xa3;
const DNS_NAME = 0x82;
const URI = 0x86;
const SUBJECT_ALT_NAME = "0603551d11";

interface Element {
  readonly tag: number;
  /** Tag and length too. */
  readonly whole: Uint8Array;
  readonly content: Uint8Array;
}

const NONE: SubjectAltNames = { uris: [], dnsNames: [] };

export function subjectAltNames(der: Uint8Array): SubjectAltNames {
  const certificate = elements(der)[0];
  const tbs = certificate === undefined ? undefined : elements(certificate.content)[0];
  const holder = tbs === undefined ? undefined : elements(tbs.content).find((e) => e.tag === EXTENSIONS);
  const list = holder === undefined ? undefined : elements(holder.content)[0];
  for (const extension of list === undefined ? [] : elements(list.content)) {
    const parts = elements(extension.content);
    if (parts[0] === undefined || Buffer.from(parts[0].whole).toString("hex") !== SUBJECT_ALT_NAME) continue;
    const value = parts.find((e) => e.tag === OCTET_STRING);
    const names = value === undefined ? undefined : elements(value.content)[0];
    return names?.tag === SEQUENCE ? read(elements(names.content)) : NONE;
  }
  return NONE;
}

function read(names: readonly Element[]): SubjectAltNames {
  const of = (tag: number): string[] =>
    names.filter((e) => e.tag === tag).map((e) => Buffer.from(e.content).toString("latin1"));
  return { uris: of(URI), dnsNames: of(DNS_NAME) };
}

/** The elements one after the other in `bytes`; none when a length does not fit. */
function elements(bytes: Uint8Array): Element[] {
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

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
import { type Element, elements, signedPart } from "./der.ts";

export interface SubjectAltNames {
  /** The certificate has such names, though perhaps of other kinds. */
  readonly isThere: boolean;
  readonly uris: readonly string[];
  readonly dnsNames: readonly string[];
}

const SEQUENCE = 0x30;
const OCTET_STRING = 0x04;
const EXTENSIONS = 0xa3;
const DNS_NAME = 0x82;
const URI = 0x86;
const SUBJECT_ALT_NAME = "0603551d11";

const NONE: SubjectAltNames = { isThere: false, uris: [], dnsNames: [] };

export function subjectAltNames(der: Uint8Array): SubjectAltNames {
  const holder = signedPart(der).find((e) => e.tag === EXTENSIONS);
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
  return { isThere: true, uris: of(URI), dnsNames: of(DNS_NAME) };
}

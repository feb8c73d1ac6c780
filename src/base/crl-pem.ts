/**
 * Certificate revocation lists in PEM (RFC 5280 §5, RFC 7468 §7). What they say is read by the TLS library; here it is found out whether text
 * holds any, so that what cannot be read is refused where it is given and not at the first handshake.
 *
 * @module
 */

const SEQUENCE = 0x30;
const BLOCK = /-----BEGIN X509 CRL-----([\s\S]*?)-----END X509 CRL-----/g;

/** The lists in `pem`, one block each; undefined where there is none, or one of them cannot be a list. */
export function crlBlocks(pem: string): readonly string[] | undefined {
  const blocks = [...pem.matchAll(BLOCK)];
  const begins = pem.split("-----BEGIN X509 CRL-----").length - 1;
  const isWhole = blocks.length > 0 && blocks.length === begins;
  return isWhole && blocks.every(([, body = ""]) => isSequence(body))
    ? blocks.map(([block]) => `${block}\n`)
    : undefined;
}

/** Exact base64 of one DER sequence. */
function isSequence(body: string): boolean {
  const digits = body.replaceAll(/\s/g, "");
  const der = Buffer.from(digits, "base64");
  if (der.toString("base64") !== digits || der[0] !== SEQUENCE) return false;
  const first = der[1] ?? 0;
  const lengthBytes = first < 0x80 ? 0 : first & 0x7f;
  if (lengthBytes > 4 || der.length < 2 + lengthBytes) return false;
  const length = lengthBytes === 0 ? first : der.readUIntBE(2, lengthBytes);
  return der.length === 2 + lengthBytes + length;
}

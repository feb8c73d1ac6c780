/**
 * PEM text (RFC 7468), bounded. Text around the blocks is passed over, as the RFC allows for bundles.
 *
 * @module
 */
import { CredentialError } from "./credential-error.ts";

export type PemLabel = "CERTIFICATE" | "CERTIFICATE REQUEST" | "PRIVATE KEY";

/** Characters of text that are looked at. A bundle of ten roots is about 10 000. */
export const MAX_PEM_CHARS = 256 * 1024;
/** Blocks of one label in one text. */
const MAX_PEM_BLOCKS = 64;

export function toPem(label: PemLabel, der: Uint8Array): string {
  const lines = Buffer.from(der)
    .toString("base64")
    .match(/.{1,64}/g);
  return `-----BEGIN ${label}-----\n${lines?.join("\n") ?? ""}\n-----END ${label}-----\n`;
}

/**
 * The contents of every block with `label`, in order; none gives an empty list.
 * @throws {CredentialError} If the text is too long, a block does not end, or its base64 is not exact.
 */
export function fromPem(text: string, label: PemLabel, maxChars = MAX_PEM_CHARS): Buffer[] {
  if (text.length > maxChars)
    throw new CredentialError(`PEM ${label} must be at most ${maxChars} characters: found ${text.length}`);
  const begin = `-----BEGIN ${label}-----`;
  const end = `-----END ${label}-----`;
  const blocks: Buffer[] = [];
  for (let from = text.indexOf(begin); from >= 0; ) {
    const to = text.indexOf(end, from);
    if (to < 0) throw new CredentialError(`PEM ${label} block ${blocks.length + 1} must end with ${end}`);
    if (blocks.length === MAX_PEM_BLOCKS)
      throw new CredentialError(`PEM text must have at most ${MAX_PEM_BLOCKS} ${label} blocks`);
    blocks.push(decodeBase64(text.slice(from + begin.length, to), label));
    from = text.indexOf(begin, to + end.length);
  }
  return blocks;
}

/** As {@link fromPem} for a text that must have exactly one block. */
export function oneFromPem(text: string, label: PemLabel, maxChars = MAX_PEM_CHARS): Buffer {
  const blocks = fromPem(text, label, maxChars);
  const [first] = blocks;
  if (first === undefined || blocks.length > 1)
    throw new CredentialError(`PEM text must have one ${label} block: found ${blocks.length}`);
  return first;
}

function decodeBase64(body: string, label: PemLabel): Buffer {
  const digits = body.replaceAll(/[\r\n\t ]/g, "");
  const octets = Buffer.from(digits, "base64");
  // The decoder skips what it does not know: what was read must write back as the same text.
  if (octets.length === 0 || octets.toString("base64") !== digits)
    throw new CredentialError(`PEM ${label} block must be exact base64`);
  return octets;
}

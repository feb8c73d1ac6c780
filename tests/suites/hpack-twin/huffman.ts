/**
 * The Huffman code of HPACK, RFC 7541 Appendix B, as strings of bits: slow, and plain to see.
 */
import { SYMBOLS_BY_LENGTH } from "../../../src/wire/http2/huffman.ts";

/** Canonical: codes count up within a length, and go on behind the last one where they get longer. */
export const CODES: readonly string[] = assignCodes();

function assignCodes(): string[] {
  const codes: string[] = [];
  let code = 0n;
  let lastLength = 0;
  for (const [length, ranges] of SYMBOLS_BY_LENGTH) {
    code <<= BigInt(length - lastLength);
    lastLength = length;
    for (const range of ranges.split(" ")) {
      const [from = 0, to = from] = range.split("-").map(Number);
      for (let symbol = from; symbol <= to; symbol++) codes[symbol] = (code++).toString(2).padStart(length, "0");
    }
  }
  return codes;
}

const SYMBOLS: ReadonlyMap<string, number> = new Map(CODES.map((code, symbol) => [code, symbol]));

/** Bytes that `text` takes when encoded; -1 when it is not Latin-1. */
export function huffmanLength(text: string): number {
  if (/[^\0-\xff]/.test(text)) return -1;
  let bits = 0;
  for (let i = 0; i < text.length; i++) bits += CODES[text.charCodeAt(i)]!.length;
  return (bits + 7) >>> 3;
}

/** Encodes `text` (Latin-1) into `out` at `offset`; returns the offset after it. */
export function huffmanEncode(text: string, out: Uint8Array, offset: number): number {
  let bits = "";
  for (let i = 0; i < text.length; i++) bits += CODES[text.charCodeAt(i)]!;
  const bytes = bits.match(/.{1,8}/g) ?? [];
  bytes.forEach((byte, i) => (out[offset + i] = Number.parseInt(byte.padEnd(8, "1"), 2)));
  return offset + bytes.length;
}

/** The text that `bytes` encode; undefined where RFC 7541 §5.2 has an error. */
export function huffmanText(bytes: Uint8Array): string | undefined {
  const bits = Array.from(bytes, (byte) => byte.toString(2).padStart(8, "0")).join("");
  let text = "";
  let from = 0;
  for (let to = 1; to <= bits.length; to++) {
    const symbol = SYMBOLS.get(bits.slice(from, to));
    if (symbol === undefined) continue;
    if (symbol > 255) return undefined;
    text += String.fromCharCode(symbol);
    from = to;
  }
  const padding = bits.slice(from);
  return padding.length < 8 && !padding.includes("0") ? text : undefined;
}

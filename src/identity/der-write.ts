/**
 * Writes DER (X.690): the few types that certificates and requests need.
 *
 * Lengths and integers are always in their one shortest form.
 *
 * @module
 */

/** Tag octets, low-tag-number form. */
export const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  oid: 0x06,
  utf8String: 0x0c,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const;

/** `[n]` with constructed contents. */
export const contextConstructed = (n: number): number => 0xa0 | n;
/** `[n]` IMPLICIT over a primitive type. */
export const contextPrimitive = (n: number): number => 0x80 | n;

/** One element: tag, length, the parts in a row. */
export function tlv(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  return Buffer.concat([Buffer.from([tag, ...lengthOctets(length)]), ...parts]);
}

export const sequence = (...parts: readonly Uint8Array[]): Buffer => tlv(TAG.sequence, ...parts);
export const octetString = (content: Uint8Array): Buffer => tlv(TAG.octetString, content);
export const utf8String = (text: string): Buffer => tlv(TAG.utf8String, Buffer.from(text, "utf8"));
export const booleanTrue = (): Buffer => Buffer.from([TAG.boolean, 1, 0xff]);
export const smallInteger = (value: number): Buffer => unsignedInteger(Buffer.from([value >> 8, value & 0xff]));

/** SET OF with one element: no order to keep. */
export const setOfOne = (part: Uint8Array): Buffer => tlv(TAG.set, part);

/** INTEGER of a big-endian magnitude. */
export function unsignedInteger(magnitude: Uint8Array): Buffer {
  let start = 0;
  while (start < magnitude.length - 1 && magnitude[start] === 0) start++;
  const digits = magnitude.subarray(start);
  const pad = (digits[0] ?? 0) & 0x80 ? Buffer.from([0]) : Buffer.alloc(0);
  return tlv(TAG.integer, pad, digits);
}

/** BIT STRING of whole octets. */
export const bitString = (content: Uint8Array): Buffer => tlv(TAG.bitString, Buffer.from([0]), content);

/** BIT STRING with named bits (X.690 11.2.2: trailing zero bits are left out). Bit 0 is the first. */
export function namedBits(bits: readonly number[]): Buffer {
  const last = Math.max(...bits);
  const octets = Buffer.alloc((last >> 3) + 1);
  for (const bit of bits) octets[bit >> 3] = (octets[bit >> 3] ?? 0) | (0x80 >> (bit & 7));
  return tlv(TAG.bitString, Buffer.from([7 - (last & 7)]), octets);
}

/** OBJECT IDENTIFIER from dotted text such as `1.2.840.10045.2.1`. */
export function objectIdentifier(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split(".").map(Number);
  return tlv(TAG.oid, Buffer.from([first * 40 + second, ...rest].flatMap(base128)));
}

/** Time as RFC 5280 4.1.2.5 asks: UTCTime through 2049, GeneralizedTime after; whole seconds, rounded down. */
export function time(atMs: number): Buffer {
  const digits = new Date(atMs).toISOString().slice(0, 19).replaceAll(/[-:T]/g, "");
  const short = new Date(atMs).getUTCFullYear() < 2050;
  return tlv(short ? TAG.utcTime : TAG.generalizedTime, Buffer.from(`${short ? digits.slice(2) : digits}Z`, "latin1"));
}

function lengthOctets(length: number): number[] {
  if (length < 0x80) return [length];
  const digits: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) digits.unshift(rest & 0xff);
  return [0x80 | digits.length, ...digits];
}

function base128(arc: number): number[] {
  const digits = [arc % 128];
  for (let rest = Math.floor(arc / 128); rest > 0; rest = Math.floor(rest / 128)) digits.unshift((rest % 128) | 0x80);
  return digits;
}

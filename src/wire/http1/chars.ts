/**
 * Which bytes may stand where in HTTP/1.1 (RFC 9110 §5.6.2 and §5.5, RFC 9112 §3.2).
 *
 * @module
 */

/** Bits of {@link CHAR}. */
export const TOKEN = 1;
/** In a field value: visible, space, tab, and the obsolete upper half. */
export const VALUE = 2;
/** In a request target: visible ASCII without `#`, since a fragment never travels. A backslash is left to path normalization. */
export const TARGET = 4;
/** In a host name (RFC 3986 §3.2.2) but for the comma, on which another parser could split. */
export const HOST = 8;
export const HEX = 16;
/** In a method: a token without lower case. Methods are case-sensitive, but a policy's `GET` and a server's `get` must not part ways. */
export const METHOD = 32;

export const CHAR = new Uint8Array(256);

for (let c = 0x21; c < 0x7f; c++) CHAR[c] = VALUE | TARGET;
for (let c = 0x80; c < 0x100; c++) CHAR[c] = VALUE;
CHAR[0x20] = VALUE;
CHAR[0x09] = VALUE;
const mark = (chars: string, bit: number): void => {
  for (const char of chars) CHAR[char.charCodeAt(0)] = (CHAR[char.charCodeAt(0)] ?? 0) | bit;
};
const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const DIGITS = "0123456789";
const ALPHANUMERIC = `${LETTERS}${LETTERS.toLowerCase()}${DIGITS}`;
mark(`${ALPHANUMERIC}!#$%&'*+-.^_\`|~`, TOKEN);
mark(`${LETTERS}${DIGITS}!#$%&'*+-.^_\`|~`, METHOD);
mark(`${ALPHANUMERIC}-._~!$&'()*+;=%`, HOST);
mark(`${DIGITS}abcdefABCDEF`, HEX);
CHAR[0x23] = (CHAR[0x23] ?? 0) & ~TARGET;

export const CR = 13;
export const LF = 10;
export const SP = 32;
export const TAB = 9;
export const COLON = 58;

/** ASCII upper case to lower; other bytes stay. */
export const LOWER = new Uint8Array(256).map((_, c) => (c >= 65 && c <= 90 ? c + 32 : c));

/**
 * Bytes of access log lines, written in place and used again.
 *
 * Output of values is ASCII whatever they hold: a control character, quote, backslash or byte above 126 is escaped,
 * so that no header can end a line, close a quoted field or speak to the terminal of who reads the log.
 *
 * A line has room for `maxLineBytes`, beyond which values are cut off. Literals and numbers are written in any case,
 * for their sum is known when a format is compiled: a cut JSON line is still valid JSON.
 *
 * Differs: Envoy writes values into text lines as they are.
 *
 * @module
 */

/** Most bytes that {@link LineBuffer.number} writes. */
export const MAX_NUMBER_BYTES = 24;

/** Longest escape of one character: three bytes of UTF-8 as `\xHH` each. */
export const MAX_ESCAPE_BYTES = 12;
/** From this length on, a test and a native copy are quicker than a loop. */
const LONG_CHARS = 16;
const LONG_LITERAL_BYTES = 32;
const PLAIN = /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/;
const HEX = "0123456789abcdef";
const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** Known to Node and Bun, though not to their types; `write(…, "latin1")` takes twice as long. */
interface NativeBuffer extends Buffer {
  latin1Write(text: string, offset: number, length: number): number;
}

/** How characters that are not plain are written: `\xHH` for each byte, or `\uHHHH`. */
export type Escape = "text" | "json";

export class LineBuffer {
  readonly bytes: Uint8Array;
  length = 0;
  readonly #buffer: NativeBuffer;
  #valuesEnd = 0;

  /** @param capacity Must hold what the writer lets in; see `access-log.ts`. */
  constructor(capacity: number) {
    this.#buffer = Buffer.alloc(capacity) as NativeBuffer;
    this.bytes = new Uint8Array(this.#buffer.buffer, this.#buffer.byteOffset, capacity);
  }

  /** Starts a line. */
  begin(maxLineBytes: number): void {
    this.#valuesEnd = this.length + maxLineBytes;
  }

  /** Bytes of a format, or of a value that was written before, as they are. */
  literal(literal: Uint8Array): void {
    if (literal.length > LONG_LITERAL_BYTES) return this.#copy(literal);
    const { bytes } = this;
    let at = this.length;
    for (let i = 0; i < literal.length; i++) bytes[at++] = literal[i] ?? 0;
    this.length = at;
  }

  /** A whole number in decimal; a fraction is cut off. */
  number(value: number): void {
    if (!(value >= 0 && value < 1e9)) return this.#ascii(String(Math.trunc(value) || 0));
    let rest = value | 0;
    const digits = digitsOf(rest);
    for (let at = this.length + digits - 1; at >= this.length; at--) {
      const next = (rest / 10) | 0;
      this.bytes[at] = 48 + rest - next * 10;
      rest = next;
    }
    this.length += digits;
  }

  /** Bytes that a value still has room for. */
  get room(): number {
    return Math.max(this.#valuesEnd - this.length, 0);
  }

  /** A value, escaped. */
  value(value: string, escape: Escape, maxChars: number): void {
    const length = Math.min(value.length, maxChars);
    if (length === value.length && length >= LONG_CHARS && length <= this.room && PLAIN.test(value)) {
      this.length += this.#buffer.latin1Write(value, this.length, length);
    } else {
      this.#characters(value, escape, length);
    }
  }

  /** Drops the first `count` bytes: they have been written out. */
  consume(count: number): void {
    this.bytes.copyWithin(0, count, this.length);
    this.length -= count;
  }

  #copy(literal: Uint8Array): void {
    this.bytes.set(literal, this.length);
    this.length += literal.length;
  }

  #characters(value: string, escape: Escape, length: number): void {
    for (let i = this.#head(value, length); i < length; i++) {
      if (this.length + MAX_ESCAPE_BYTES > this.#valuesEnd) return;
      const code = value.charCodeAt(i);
      if (isPlain(code)) this.bytes[this.length++] = code;
      else this.#ascii(escape === "json" ? `\\u${hex(code, 4)}` : escapedBytes(code));
    }
  }

  /** Writes up to the first character that needs an escape, or the end of the room, and says where that is. */
  #head(value: string, length: number): number {
    const { bytes } = this;
    let at = this.length;
    const stop = Math.min(length, this.#valuesEnd - at);
    let i = 0;
    for (; i < stop; i++) {
      const code = value.charCodeAt(i);
      if (!isPlain(code)) break;
      bytes[at++] = code;
    }
    this.length = at;
    return i;
  }

  /** ASCII known to need no escape. */
  #ascii(ascii: string): void {
    for (let i = 0; i < ascii.length; i++) this.bytes[this.length++] = ascii.charCodeAt(i);
  }
}

const isPlain = (code: number): boolean => code >= 0x20 && code <= 0x7e && code !== QUOTE && code !== BACKSLASH;

function digitsOf(value: number): number {
  let digits = 1;
  for (let limit = 10; value >= limit; limit *= 10) digits++;
  return digits;
}

function escapedBytes(code: number): string {
  if (code < 0x100) return `\\x${hex(code, 2)}`;
  return utf8(code)
    .map((byte) => `\\x${hex(byte, 2)}`)
    .join("");
}

function hex(code: number, digits: number): string {
  let text = "";
  for (let shift = (digits - 1) * 4; shift >= 0; shift -= 4) text += HEX.charAt((code >> shift) & 15);
  return text;
}

/** UTF-8 of one UTF-16 unit above 0xff; half of a surrogate pair is written as its three bytes. */
function utf8(code: number): readonly number[] {
  if (code < 0x800) return [0xc0 | (code >> 6), 0x80 | (code & 63)];
  return [0xe0 | (code >> 12), 0x80 | ((code >> 6) & 63), 0x80 | (code & 63)];
}

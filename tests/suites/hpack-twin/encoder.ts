/**
 * An HPACK encoder for tests, RFC 7541: static table, Huffman, no dynamic table. It encodes what it is given, malformed or not.
 *
 * @module
 */
import type { Fields } from "../../../src/wire/http2/fields.ts";
import { STATIC_COUNT, STATIC_NAMES, STATIC_VALUES } from "../../../src/wire/http2/hpack-table.ts";
import { huffmanEncode, huffmanLength } from "./huffman.ts";

/** First index of each name, and of each whole field. */
const INDEX_OF_NAME = new Map<string, number>();
const INDEX_OF_FIELD = new Map<string, ReadonlyMap<string, number>>();
for (let i = STATIC_COUNT; i >= 1; i--) {
  const name = STATIC_NAMES[i]!;
  INDEX_OF_NAME.set(name, i);
  INDEX_OF_FIELD.set(name, new Map([...(INDEX_OF_FIELD.get(name) ?? []), [STATIC_VALUES[i]!, i]]));
}

/** Values that no intermediary may put into a table, RFC 7541 §7.1.3. */
const NEVER_INDEXED: ReadonlySet<string> = new Set(["authorization", "proxy-authorization", "cookie", "set-cookie"]);

export class HpackEncoder {
  #bytes: Uint8Array = new Uint8Array(512);
  #at = 0;
  /** The peer assumes a table of 4096 bytes until told otherwise. */
  #mustResize = true;

  /** The peer reduced SETTINGS_HEADER_TABLE_SIZE: it expects a size update at the start of the next block. */
  tableReduced(): void {
    this.#mustResize = true;
  }

  /**
   * Encodes one field block. The result is valid until the next call.
   *
   * @throws {RangeError} If a name or value is not Latin-1.
   */
  encode(fields: Fields): Uint8Array {
    this.#at = 0;
    if (this.#mustResize) this.#integer(0x20, 5, 0);
    this.#mustResize = false;
    for (let i = 0; i + 1 < fields.length; i += 2) this.#field(fields[i]!, fields[i + 1]!);
    return this.#bytes.subarray(0, this.#at);
  }

  #field(name: string, value: string): void {
    this.#reserve(name.length + value.length + 16);
    const whole = INDEX_OF_FIELD.get(name)?.get(value);
    if (whole !== undefined) return this.#integer(0x80, 7, whole);
    const index = INDEX_OF_NAME.get(name) ?? 0;
    this.#integer(NEVER_INDEXED.has(name) ? 0x10 : 0x00, 4, index);
    if (index === 0) this.#string(name);
    this.#string(value);
  }

  #string(text: string): void {
    const packed = huffmanLength(text);
    // Cutting characters down to bytes would let a harmless one turn into a line end.
    if (packed < 0) throw new RangeError(`Cannot encode a field: it must be Latin-1, found ${JSON.stringify(text)}`);
    if (packed < text.length) {
      this.#integer(0x80, 7, packed);
      this.#at = huffmanEncode(text, this.#bytes, this.#at);
      return;
    }
    this.#integer(0, 7, text.length);
    for (let i = 0; i < text.length; i++) this.#bytes[this.#at++] = text.charCodeAt(i);
  }

  #integer(flags: number, prefixBits: number, value: number): void {
    const mask = (1 << prefixBits) - 1;
    if (value < mask) {
      this.#bytes[this.#at++] = flags | value;
      return;
    }
    this.#bytes[this.#at++] = flags | mask;
    let rest = value - mask;
    for (; rest >= 128; rest = Math.floor(rest / 128)) this.#bytes[this.#at++] = 0x80 | (rest % 128);
    this.#bytes[this.#at++] = rest;
  }

  #reserve(bytes: number): void {
    if (this.#at + bytes <= this.#bytes.length) return;
    const larger = new Uint8Array(2 * (this.#at + bytes));
    larger.set(this.#bytes.subarray(0, this.#at));
    this.#bytes = larger;
  }
}

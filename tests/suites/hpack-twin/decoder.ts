/**
 * The twin of the HPACK decoder that the proxy has: RFC 7541 as plainly as can be, to strings. Latin-1: one character a
 * byte, so bytes survive unchanged.
 *
 * @module
 */
import { DEFAULT_TABLE_BYTES, ErrorCode } from "../../../src/wire/http2/constants.ts";
import { Http2Error } from "../../../src/wire/http2/error.ts";
import type { Fields } from "../../../src/wire/http2/fields.ts";
import {
  FIELD_OVERHEAD_BYTES,
  STATIC_COUNT,
  STATIC_NAMES,
  STATIC_VALUES,
} from "../../../src/wire/http2/hpack-table.ts";
import { huffmanDecode } from "../../../src/wire/http2/huffman.ts";
import { DynamicTable } from "./dynamic-table.ts";

/** Names longer than this are Latin-1 text that nobody sends; it bounds what one integer may claim. */
const MAX_INTEGER = 2 ** 28;

export class HpackDecoder {
  readonly #table = new DynamicTable(DEFAULT_TABLE_BYTES);
  readonly #maxListBytes: number;
  /** The largest table that the peer may choose: our SETTINGS_HEADER_TABLE_SIZE once acknowledged. */
  #limitBytes = DEFAULT_TABLE_BYTES;
  #mustResize = false;
  #bytes: Uint8Array = new Uint8Array(0);
  #at = 0;
  #end = 0;

  /** @param maxListBytes Size of a field list as RFC 9113 §6.5.2 counts it, beyond which it is not kept. */
  constructor(maxListBytes: number) {
    this.#maxListBytes = maxListBytes;
  }

  /** The acknowledged SETTINGS_HEADER_TABLE_SIZE. After a reduction the next block must begin with a size update (RFC 9113 §4.3.1). */
  limitTable(maxBytes: number): void {
    this.#mustResize = maxBytes < this.#table.maxBytes;
    this.#limitBytes = maxBytes;
  }

  /**
   * Decodes one whole field block.
   *
   * @returns The fields, or undefined when the list is larger than allowed; the table is right in both cases, so the connection can go on.
   * @throws {Http2Error} compressionError, after which the decoder must be discarded.
   */
  decode(bytes: Uint8Array): Fields | undefined {
    this.#bytes = bytes;
    this.#at = 0;
    this.#end = bytes.length;
    const fields: string[] = [];
    let listBytes = 0;
    this.#readResizes();
    while (this.#at < this.#end) {
      const first = this.#bytes[this.#at]!;
      if ((first & 0xe0) === 0x20) throw fault("a table size update must come before the first field");
      const at = fields.length;
      if (first & 0x80) this.#readIndexed(fields);
      else this.#readLiteral(fields, first);
      listBytes += fields[at]!.length + fields[at + 1]!.length + FIELD_OVERHEAD_BYTES;
      if (listBytes > this.#maxListBytes) fields.length = 0;
    }
    return listBytes > this.#maxListBytes ? undefined : fields;
  }

  #readResizes(): void {
    let seen = 0;
    while (this.#at < this.#end && (this.#bytes[this.#at]! & 0xe0) === 0x20) {
      const maxBytes = this.#integer(5);
      if (++seen > 2) throw fault("more than two table size updates in a row");
      if (maxBytes > this.#limitBytes) throw fault(`table size must be <= ${this.#limitBytes}: found ${maxBytes}`);
      this.#table.resize(maxBytes);
      this.#mustResize = false;
    }
    if (this.#mustResize) throw fault("a table size update must follow the reduction of the limit");
  }

  #readIndexed(fields: string[]): void {
    const index = this.#integer(7);
    fields.push(this.#name(index), this.#value(index));
  }

  #readLiteral(fields: string[], first: number): void {
    const indexed = (first & 0x40) !== 0;
    const index = this.#integer(indexed ? 6 : 4);
    const name = index === 0 ? this.#string() : this.#name(index);
    const value = this.#string();
    if (indexed) this.#table.add(name, value);
    fields.push(name, value);
  }

  #name(index: number): string {
    return index <= STATIC_COUNT && index > 0 ? STATIC_NAMES[index]! : this.#table.name(this.#position(index));
  }

  #value(index: number): string {
    return index <= STATIC_COUNT && index > 0 ? STATIC_VALUES[index]! : this.#table.value(this.#position(index));
  }

  #position(index: number): number {
    const position = index - STATIC_COUNT - 1;
    if (index === 0 || position >= this.#table.count) throw fault(`no field has index ${index}`);
    return position;
  }

  /** RFC 7541 §5.1. */
  #integer(prefixBits: number): number {
    const mask = (1 << prefixBits) - 1;
    let value = this.#byte() & mask;
    if (value < mask) return value;
    for (let scale = 1; ; scale *= 128) {
      const byte = this.#byte();
      value += (byte & 0x7f) * scale;
      if (value > MAX_INTEGER || scale > MAX_INTEGER) throw fault("integer too large");
      if (byte < 0x80) return value;
    }
  }

  #byte(): number {
    if (this.#at >= this.#end) throw fault("the block ends within a field");
    return this.#bytes[this.#at++]!;
  }

  /** RFC 7541 §5.2. */
  #string(): string {
    const huffman = (this.#bytes[this.#at] ?? 0) >= 0x80;
    const length = this.#integer(7);
    const from = this.#at;
    if (length > this.#end - from) throw fault("a string is longer than its block");
    this.#at += length;
    if (!huffman) return latin1(this.#bytes, from, this.#at);
    const out = Buffer.alloc(2 * length);
    const decoded = huffmanDecode(this.#bytes, from, this.#at, out);
    if (decoded < 0) throw fault("bad Huffman padding");
    return out.toString("latin1", 0, decoded);
  }
}

function latin1(bytes: Uint8Array, from: number, to: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1", from, to);
}

const fault = (message: string): Http2Error =>
  new Http2Error(ErrorCode.compressionError, `Cannot decode fields: ${message}`);

/** With one cookie field in the place of several (RFC 9113 §8.2.3), empty ones left out. */
export function joinedCookies(fields: Fields): Fields {
  const joined: string[] = [];
  let at = -1;
  for (let i = 0; i < fields.length; i += 2) {
    const [name, value] = [fields[i] as string, fields[i + 1] as string];
    if (name === "cookie" && at >= 0) joined[at] += value === "" ? "" : `; ${value}`;
    else joined.push(name, value);
    if (name === "cookie" && at < 0) at = joined.length - 1;
  }
  return joined;
}

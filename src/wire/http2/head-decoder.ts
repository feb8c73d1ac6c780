/**
 * HPACK decoder (RFC 7541) that writes straight into the head of a message: no string and no object a field.
 *
 * @module
 */
import type { Head, HeadError } from "../http1/head.ts";
import { latin1 } from "../http1/text.ts";
import { DEFAULT_TABLE_BYTES, ErrorCode } from "./constants.ts";
import { Http2Error } from "./error.ts";
import { type FieldFacts, inspectField, Kind, NO_PROBLEM } from "./field-kinds.ts";
import { HeadBuilder } from "./head-builder.ts";
import type { SectionLimits } from "./head-lines.ts";
import { STATIC_COUNT, STATIC_NAMES, STATIC_VALUES } from "./hpack-table.ts";
import { huffmanDecode } from "./huffman.ts";
import { LINE_EXTRA_BYTES, LineTable } from "./line-table.ts";

/** Longer values of pseudo fields are not kept for the next request. */
const MOST_KEPT_CHARS = 1024;
/** Bounds what one integer may claim. */
const MAX_INTEGER = 2 ** 28;

export class HeadDecoder {
  readonly #table = new LineTable(DEFAULT_TABLE_BYTES);
  readonly #builder: HeadBuilder;
  /** The largest table that the peer may choose: our SETTINGS_HEADER_TABLE_SIZE once acknowledged. */
  #limitBytes = DEFAULT_TABLE_BYTES;
  #mustResize = false;
  #bytes: Uint8Array = NO_BYTES;
  #at = 0;
  #end = 0;
  readonly #facts: FieldFacts = { kind: 0, id: 0, problem: 0 };
  /** The last value of each pseudo field that came as a literal. */
  readonly #texts: string[] = Array.from({ length: 16 }, () => "");

  constructor(limits: SectionLimits) {
    this.#builder = new HeadBuilder(limits);
  }

  /** Entries of the dynamic table. */
  get tableCount(): number {
    return this.#table.count;
  }

  /** The acknowledged SETTINGS_HEADER_TABLE_SIZE. After a reduction the next block must begin with a size update (RFC 9113 §4.3.1). */
  limitTable(maxBytes: number): void {
    this.#mustResize = maxBytes < this.#table.maxBytes;
    this.#limitBytes = maxBytes;
  }

  /**
   * Decodes one whole field block into `head`; without a head for the table's sake alone.
   *
   * @param isToHead The request that is answered was HEAD.
   * @returns What makes the message malformed (400) or too large (431), also in `head.error`; the table is right then too, so the connection can go on.
   * @throws {Http2Error} compressionError, after which the decoder must be discarded.
   */
  decode(
    bytes: Uint8Array,
    start: number,
    end: number,
    head: Head | undefined,
    endStream: boolean,
    isToHead: boolean,
  ): HeadError | undefined {
    const builder = this.#builder;
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
    builder.begin(head);
    this.#readResizes();
    while (this.#at < end) {
      const first = bytes[this.#at] as number;
      if (first & 0x80) this.#readIndexed();
      else if ((first & 0xe0) === 0x20) throw fault("a table size update must come before the first field");
      else this.#readLiteral(first);
    }
    this.#bytes = NO_BYTES;
    return builder.end(endStream, isToHead);
  }

  #readResizes(): void {
    let seen = 0;
    while (this.#at < this.#end && ((this.#bytes[this.#at] as number) & 0xe0) === 0x20) {
      const maxBytes = this.#integer(0x1f);
      if (++seen > 2) throw fault("more than two table size updates in a row");
      if (maxBytes > this.#limitBytes) throw fault(`table size must be <= ${this.#limitBytes}: found ${maxBytes}`);
      this.#table.resize(maxBytes);
      this.#mustResize = false;
    }
    if (this.#mustResize) throw fault("a table size update must follow the reduction of the limit");
  }

  #readIndexed(): void {
    const index = this.#integer(0x7f);
    if (index > STATIC_COUNT) return this.#takeEntry(this.#slot(index));
    if (index === 0) throw fault("no field has index 0");
    const kind = STATIC_KINDS[index] as number;
    if (kind >= Kind.method) return this.#builder.pseudo(kind, STATIC_VALUES[index] as string, NO_PROBLEM);
    this.#builder.field(
      STATIC_LINES,
      STATIC_STARTS[index] as number,
      STATIC_NAME_LENGTHS[index] as number,
      (STATIC_VALUES[index] as string).length,
      kind,
      STATIC_IDS[index] as number,
      STATIC_PROBLEMS[index] as number,
      false,
    );
  }

  /** Passes on what is in a slot of the dynamic table. */
  #takeEntry(slot: number): void {
    const table = this.#table;
    const kind = table.kinds[slot] as number;
    const problem = table.problems[slot] as number;
    const start = table.starts[slot] as number;
    const nameLength = table.nameLengths[slot] as number;
    const valueLength = table.valueLengths[slot] as number;
    if (kind < Kind.method) {
      const id = table.ids[slot] as number;
      return this.#builder.field(table.bytes, start, nameLength, valueLength, kind, id, problem, false);
    }
    const text = (table.texts[slot] ??= this.#text(kind, table.bytes, start + nameLength + 2, valueLength));
    this.#builder.pseudo(kind, text, problem);
  }

  #readLiteral(first: number): void {
    const builder = this.#builder;
    const isIndexed = (first & 0x40) !== 0;
    const index = this.#integer(isIndexed ? 0x3f : 0x0f);
    const start = builder.at;
    const nameLength = index === 0 ? this.#readString(start) : this.#copyName(index, start);
    const valueStart = start + nameLength + 2;
    const valueLength = this.#readString(valueStart);
    builder.reserve(nameLength + valueLength + LINE_EXTRA_BYTES);
    const { out } = builder;
    const facts = this.#facts;
    inspectField(out, start, start + nameLength, valueStart, valueStart + valueLength, facts);
    const { kind, id, problem } = facts;
    const slot = isIndexed ? this.#addEntry(start, nameLength, valueLength) : -1;
    if (kind < Kind.method) {
      const neverIndexed = (first & 0xf0) === 0x10;
      return builder.field(out, start, nameLength, valueLength, kind, id, problem, neverIndexed);
    }
    const text = this.#text(kind, out, valueStart, valueLength);
    if (slot >= 0) this.#table.texts[slot] = text;
    builder.pseudo(kind, text, problem);
  }

  #addEntry(start: number, nameLength: number, valueLength: number): number {
    const { out } = this.#builder;
    const end = start + nameLength + 2 + valueLength;
    out[start + nameLength] = 0x3a;
    out[start + nameLength + 1] = 0x20;
    out[end] = 0x0d;
    out[end + 1] = 0x0a;
    return this.#table.add(out, start, nameLength, valueLength, this.#facts);
  }

  /** The value of a pseudo field: most repeat the last one. */
  #text(kind: number, buf: Buffer, start: number, length: number): string {
    const last = this.#texts[kind] as string;
    if (last.length === length) {
      let i = 0;
      while (i < length && buf[start + i] === last.charCodeAt(i)) i++;
      if (i === length) return last;
    }
    const text = latin1(buf, start, start + length);
    if (length <= MOST_KEPT_CHARS) this.#texts[kind] = text;
    return text;
  }

  #slot(index: number): number {
    const position = index - STATIC_COUNT - 1;
    if (position >= this.#table.count) throw fault(`no field has index ${index}`);
    return this.#table.slot(position);
  }

  /** Writes the name of an indexed field at `to` of the builder's buffer; returns its length. */
  #copyName(index: number, to: number): number {
    const builder = this.#builder;
    let from: Buffer = STATIC_LINES;
    let start = 0;
    let length = 0;
    if (index <= STATIC_COUNT) {
      start = STATIC_STARTS[index] as number;
      length = STATIC_NAME_LENGTHS[index] as number;
    } else {
      const slot = this.#slot(index);
      from = this.#table.bytes;
      start = this.#table.starts[slot] as number;
      length = this.#table.nameLengths[slot] as number;
    }
    builder.reserve(length);
    from.copy(builder.out, to, start, start + length);
    return length;
  }

  /** RFC 7541 §5.2: writes a string at `to` of the builder's buffer, which is at or behind the builder's place; returns its length. */
  #readString(to: number): number {
    const builder = this.#builder;
    const isHuffman = this.#at < this.#end && (this.#bytes[this.#at] as number) >= 0x80;
    const length = this.#integer(0x7f);
    const from = this.#at;
    if (length > this.#end - from) throw fault("a string is longer than its block");
    this.#at = from + length;
    // No code is shorter than five bits.
    builder.reserve(to - builder.at + (isHuffman ? length * 2 : length) + LINE_EXTRA_BYTES);
    if (!isHuffman) {
      (this.#bytes as Buffer).copy(builder.out, to, from, this.#at);
      return length;
    }
    const decoded = huffmanDecode(this.#bytes, from, this.#at, builder.out, to);
    if (decoded < 0) throw fault("bad Huffman padding");
    return decoded;
  }

  /** RFC 7541 §5.1, with the mask of the prefix. */
  #integer(mask: number): number {
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
    return this.#bytes[this.#at++] as number;
  }
}

const NO_BYTES: Uint8Array = Buffer.alloc(0);

const fault = (message: string): Http2Error =>
  new Http2Error(ErrorCode.compressionError, `Cannot decode fields: ${message}`);

/** The static table as lines. */
const STATIC_LINES = Buffer.from(STATIC_NAMES.map((name, i) => `${name}: ${STATIC_VALUES[i] ?? ""}\r\n`).join(""));
const STATIC_STARTS = new Int32Array(STATIC_COUNT + 1);
const STATIC_NAME_LENGTHS = Uint8Array.from(STATIC_NAMES, (name) => name.length);
const STATIC_KINDS = new Uint8Array(STATIC_COUNT + 1);
const STATIC_IDS = new Uint8Array(STATIC_COUNT + 1);
const STATIC_PROBLEMS = new Uint8Array(STATIC_COUNT + 1);

function readStaticTable(): void {
  const facts: FieldFacts = { kind: 0, id: 0, problem: 0 };
  for (let i = 1, at = LINE_EXTRA_BYTES; i <= STATIC_COUNT; i++) {
    const nameLength = STATIC_NAME_LENGTHS[i] as number;
    const valueStart = at + nameLength + 2;
    const end = valueStart + (STATIC_VALUES[i] as string).length;
    inspectField(STATIC_LINES, at, at + nameLength, valueStart, end, facts);
    STATIC_STARTS[i] = at;
    STATIC_KINDS[i] = facts.kind;
    STATIC_IDS[i] = facts.id;
    STATIC_PROBLEMS[i] = facts.problem;
    at = end + 2;
  }
}

readStaticTable();

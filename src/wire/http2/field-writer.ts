/**
 * HPACK encoder (RFC 7541) that writes heads straight into the output of a connection; it stands where `MessageWriter`
 * stands for HTTP/1.1.
 *
 * A field goes into the dynamic table when it comes for the second time, so that request ids, dates and paths that
 * never repeat push nothing out. Literals are not Huffman coded: the code would save a quarter of the few bytes that do
 * not repeat and cost both sides more than all the rest of the head.
 *
 * @module
 */
import { CHAR, COLON, LOWER, SP, TOKEN, VALUE } from "../http1/chars.ts";
import type { Head } from "../http1/head.ts";
import { ID, KNOWN_COUNT, knownId, type KnownName } from "../http1/known.ts";
import { DEFAULT_TABLE_BYTES } from "./constants.ts";
import { EncoderTable } from "./encoder-table.ts";
import { FIELD_OVERHEAD_BYTES, STATIC_COUNT, STATIC_NAMES, STATIC_VALUES } from "./hpack-table.ts";
import type { OutputBuffer } from "./output.ts";

const QUESTION = 0x3f;
const UNDERSCORE = 0x5f;
/** Bits of a literal's first byte (RFC 7541 §6.2). */
const INDEXED = 0x80;
const WITH_INDEXING = 0x40;
const NEVER_INDEXED = 0x10;
const WITHOUT_INDEXING = 0;
/** Room for what stands around a name and a value. */
const FIELD_EXTRA_BYTES = 16;

/** What becomes of a header in the table. */
const MAY_INDEX = 0;
/** Its values hardly repeat. */
const PLAIN = 1;
/** RFC 7541 §7.1.3: nobody on the way may keep it. */
const SECRET = 2;

interface TextEntry {
  readonly name: string;
  readonly entry: number;
}

/** Where strings become bytes: shared, since nobody comes between. */
const SCRATCH = Buffer.allocUnsafeSlow(4096);
/** More than a table of the usual size has entries. */
const MOST_TEXTS = 128;

export class FieldWriter {
  readonly #out: OutputBuffer;
  readonly #table = new EncoderTable(DEFAULT_TABLE_BYTES);
  /** Most that our own side wants to keep. */
  readonly #ownMaxBytes: number;
  /** Smallest size that the peer allowed since the last block; -1 when nothing changed. */
  #smallestBytes = -1;
  /** The table must be emptied by the next block: a block was taken back that had added to it. */
  #mustClear = false;
  #listBytes = 0;
  /** Fields that came as strings and are in the table, by value: most strings that a proxy writes are the same ones. */
  readonly #texts = new Map<string, TextEntry>();

  constructor(out: OutputBuffer, ownMaxBytes: number = DEFAULT_TABLE_BYTES) {
    this.#out = out;
    this.#ownMaxBytes = ownMaxBytes;
    if (ownMaxBytes < DEFAULT_TABLE_BYTES) this.limitTable(DEFAULT_TABLE_BYTES);
  }

  /** The peer's SETTINGS_HEADER_TABLE_SIZE. */
  limitTable(peerMaxBytes: number): void {
    const maxBytes = Math.min(peerMaxBytes, this.#ownMaxBytes);
    if (maxBytes === this.#table.maxBytes && this.#smallestBytes < 0) return;
    this.#smallestBytes = this.#smallestBytes < 0 ? maxBytes : Math.min(this.#smallestBytes, maxBytes);
    this.#table.resize(maxBytes);
  }

  /** Size of the block so far as RFC 9113 §6.5.2 counts it. */
  get listBytes(): number {
    return this.#listBytes;
  }

  /** Starts a block at the end of the output. */
  begin(): void {
    this.#listBytes = 0;
    this.#out.reserve(FIELD_EXTRA_BYTES);
    const { maxBytes } = this.#table;
    if (this.#mustClear) this.#smallestBytes = 0;
    if (this.#smallestBytes < 0) return;
    if (this.#smallestBytes < maxBytes) this.#integer(0x20, 0x1f, this.#smallestBytes);
    this.#integer(0x20, 0x1f, maxBytes);
    this.#smallestBytes = -1;
    this.#mustClear = false;
  }

  /** The block that was begun last is not sent: what it added to the table goes. */
  takeBack(): void {
    this.#mustClear = true;
    this.#table.clear();
  }

  /** The pseudo fields of a request. Empty ones are left out: CONNECT has no scheme and no path. */
  request(method: string, scheme: string, authority: string, path: string, protocol = ""): void {
    if (method === "GET") this.#static(2, 10);
    else if (method === "POST") this.#static(3, 11);
    else this.#pseudo(2, method);
    if (protocol !== "") this.#text(":protocol", protocol, true);
    if (scheme === "http") this.#static(6, 11);
    else if (scheme === "https") this.#static(7, 12);
    else if (scheme !== "") this.#pseudo(6, scheme);
    if (authority !== "") this.#pseudo(1, authority);
    if (path === "/") this.#static(4, 6);
    else if (path !== "") this.#pseudo(4, path);
  }

  /** The pseudo field of a response. */
  status(status: number): void {
    const index = STATUS_INDEX[status] as number;
    if (index !== 0) return this.#static(index, 10);
    this.#pseudo(8, String(status));
  }

  #static(index: number, textBytes: number): void {
    const out = this.#out;
    out.reserve(FIELD_EXTRA_BYTES);
    this.#listBytes += textBytes + FIELD_OVERHEAD_BYTES;
    out.bytes[out.to++] = INDEXED | index;
  }

  #pseudo(index: number, value: string): void {
    this.#text(STATIC_NAMES[index] as string, value, true);
  }

  /**
   * A field from strings. What may not stand there cannot get out, as in `MessageWriter.header`: a control character in the
   * value becomes a space, a forbidden character in the name `_`, a char above Latin-1 `?`. The name is put in lower case.
   */
  header(name: string, value: string): void {
    this.#text(name, value, false);
  }

  #text(name: string, value: string, isPseudo: boolean): void {
    const known = this.#texts.get(value);
    if (known !== undefined && known.name === name) {
      const index = this.#table.indexOf(known.entry);
      if (index > 0) {
        this.#out.reserve(FIELD_EXTRA_BYTES);
        this.#listBytes += name.length + value.length + FIELD_OVERHEAD_BYTES;
        return this.#integer(INDEXED, 0x7f, index);
      }
      this.#texts.delete(value);
    }
    const nameLength = name.length;
    const end = nameLength + value.length;
    const scratch = end > SCRATCH.length ? Buffer.allocUnsafeSlow(end) : SCRATCH;
    for (let i = 0; i < nameLength; i++) {
      const c = name.charCodeAt(i);
      const isFit = c < 256 && ((CHAR[c] as number) & TOKEN || (c === COLON && isPseudo));
      scratch[i] = isFit ? (LOWER[c] as number) : UNDERSCORE;
    }
    for (let i = nameLength; i < end; i++) {
      const c = value.charCodeAt(i - nameLength);
      scratch[i] = c > 255 ? QUESTION : (CHAR[c] as number) & VALUE ? c : SP;
    }
    const trimmed = trimmedEnd(scratch, nameLength, end);
    const entry = this.#field(scratch, 0, nameLength, trimmedStart(scratch, nameLength, trimmed), trimmed, false);
    if (entry > 0) this.#remember(name, value, entry);
  }

  #remember(name: string, value: string, entry: number): void {
    if (this.#texts.size >= MOST_TEXTS) this.#texts.clear();
    this.#texts.set(value, { name, entry });
  }

  /** The lines of a head but for those that `drop` names and those that no HTTP/2 head may have. */
  lines(head: Head, drop: (line: number) => boolean): void {
    const { offsets, count, buf } = head;
    for (let i = 0; i < count; i++) {
      if (drop(i)) continue;
      const o = i * 5;
      const nameEnd = offsets[o + 1] as number;
      const valueStart = offsets[o + 2] as number;
      this.#field(buf, offsets[o] as number, nameEnd, valueStart, offsets[o + 3] as number, valueStart === nameEnd + 1);
    }
  }

  /** Returns the number of the entry that holds the field; 0 when none does. */
  #field(
    buf: Uint8Array,
    nameStart: number,
    nameEnd: number,
    valueStart: number,
    valueEnd: number,
    isSecret: boolean,
  ): number {
    const out = this.#out;
    const textBytes = nameEnd - nameStart + valueEnd - valueStart;
    out.reserve(textBytes + FIELD_EXTRA_BYTES);
    this.#listBytes += textBytes + FIELD_OVERHEAD_BYTES;
    const table = this.#table;
    const hash = roughHash(buf, nameStart, nameEnd, valueStart, valueEnd);
    let entry = isSecret ? 0 : table.find(hash, buf, nameStart, nameEnd, valueStart, valueEnd);
    if (entry > 0) {
      this.#integer(INDEXED, 0x7f, table.indexOf(entry));
      return entry;
    }
    const name = staticName(buf, nameStart, nameEnd);
    const policy = isSecret ? SECRET : name > 0 ? (POLICY[name] as number) : policyOf(buf, nameStart, nameEnd);
    let first = policy === SECRET ? NEVER_INDEXED : WITHOUT_INDEXING;
    if (policy === MAY_INDEX && table.isWorthIt(fullHash(hash, buf, valueStart, valueEnd))) {
      first = WITH_INDEXING;
      entry = table.add(hash, buf, nameStart, nameEnd, valueStart, valueEnd);
    }
    this.#integer(first, first === WITH_INDEXING ? 0x3f : 0x0f, name);
    const { bytes } = out;
    if (name === 0) {
      this.#integer(0, 0x7f, nameEnd - nameStart);
      let { to } = out;
      for (let i = nameStart; i < nameEnd; i++) bytes[to++] = LOWER[buf[i] as number] as number;
      out.to = to;
    }
    this.#integer(0, 0x7f, valueEnd - valueStart);
    (buf as Buffer).copy(bytes, out.to, valueStart, valueEnd);
    out.to += valueEnd - valueStart;
    return entry;
  }

  /** RFC 7541 §5.1. There is room. */
  #integer(flags: number, mask: number, value: number): void {
    const out = this.#out;
    const { bytes } = out;
    if (value < mask) {
      bytes[out.to++] = flags | value;
      return;
    }
    bytes[out.to++] = flags | mask;
    let rest = value - mask;
    for (; rest >= 128; rest >>>= 7) bytes[out.to++] = 0x80 | (rest & 0x7f);
    bytes[out.to++] = rest;
  }
}

function trimmedStart(buf: Uint8Array, start: number, end: number): number {
  let at = start;
  while (at < end && (buf[at] === SP || buf[at] === 9)) at++;
  return at;
}

function trimmedEnd(buf: Uint8Array, start: number, end: number): number {
  let at = end;
  while (at > start && (buf[at - 1] === SP || buf[at - 1] === 9)) at--;
  return at;
}

/** Of the lengths and a few bytes: what it finds is compared whole. */
function roughHash(buf: Uint8Array, nameStart: number, nameEnd: number, valueStart: number, valueEnd: number): number {
  let hash = ((nameEnd - nameStart) * 31 + (LOWER[buf[nameStart] as number] as number)) | 0;
  hash = Math.imul(hash ^ (LOWER[buf[nameEnd - 1] as number] as number), 0x01000193);
  const length = valueEnd - valueStart;
  hash = Math.imul(hash ^ length, 0x01000193);
  if (length > 0) {
    hash = Math.imul(hash ^ (buf[valueStart] as number), 0x01000193);
    hash = Math.imul(hash ^ (buf[valueStart + (length >> 2)] as number), 0x01000193);
    hash = Math.imul(hash ^ (buf[valueStart + (length >> 1)] as number), 0x01000193);
    hash = Math.imul(hash ^ (buf[valueEnd - 1 - (length >> 2)] as number), 0x01000193);
    hash = Math.imul(hash ^ (buf[valueEnd - 1] as number), 0x01000193);
  }
  return hash ^ (hash >>> 15);
}

/** Of all of the value, to tell whether it was seen before. */
function fullHash(rough: number, buf: Uint8Array, valueStart: number, valueEnd: number): number {
  let hash = rough;
  for (let i = valueStart; i < valueEnd; i++) hash = Math.imul(hash ^ (buf[i] as number), 0x01000193);
  return hash ^ (hash >>> 15);
}

/** First index of the `:status` values that the static table has. */
const STATUS_INDEX = new Uint8Array(1000);
for (let i = 8; i <= 14; i++) STATUS_INDEX[Number(STATIC_VALUES[i])] = i;

/** Static names by a hash of length, first and last byte; those that share a slot form a chain. */
const SLOTS = 256;
const nameSlots = new Uint8Array(SLOTS);
const nextName = new Uint8Array(STATIC_COUNT + 1);
const nameBytes = STATIC_NAMES.map((name) => Buffer.from(name));
const slotOf = (length: number, first: number, last: number): number =>
  (length * 7 + first * 31 + last * 17) & (SLOTS - 1);
for (let i = STATIC_COUNT; i >= 1; i--) {
  const name = nameBytes[i] as Buffer;
  if (STATIC_NAMES.indexOf(STATIC_NAMES[i] as string) !== i) continue;
  const slot = slotOf(name.length, name[0] as number, name[name.length - 1] as number);
  nextName[i] = nameSlots[slot] as number;
  nameSlots[slot] = i;
}

/** First static index of a name; 0 when there is none. */
function staticName(buf: Uint8Array, start: number, end: number): number {
  const length = end - start;
  const first = LOWER[buf[start] as number] as number;
  const last = LOWER[buf[end - 1] as number] as number;
  for (let i = nameSlots[slotOf(length, first, last)] as number; i !== 0; i = nextName[i] as number) {
    const name = nameBytes[i] as Buffer;
    if (name.length === length && sameName(name, buf, start)) return i;
  }
  return 0;
}

function sameName(name: Uint8Array, buf: Uint8Array, start: number): boolean {
  for (let i = 0; i < name.length; i++) if (name[i] !== LOWER[buf[start + i] as number]) return false;
  return true;
}

/** What becomes of each static name, by its first index. */
const POLICY = new Uint8Array(STATIC_COUNT + 1);
for (const name of ["authorization", "proxy-authorization", "cookie", "set-cookie"])
  POLICY[STATIC_NAMES.indexOf(name)] = SECRET;
for (const name of ["age", "content-length", "content-range", "date", "etag", "if-match", "if-none-match"])
  POLICY[STATIC_NAMES.indexOf(name)] = PLAIN;

/** Known headers outside the static table whose values never repeat. */
const PLAIN_IDS = new Uint8Array(KNOWN_COUNT);
const PLAIN_NAMES: readonly KnownName[] = [
  "x-request-id",
  "traceparent",
  "x-envoy-upstream-service-time",
  "x-envoy-expected-rq-timeout-ms",
];
for (const name of PLAIN_NAMES) PLAIN_IDS[ID[name]] = 1;

const policyOf = (buf: Uint8Array, start: number, end: number): number =>
  PLAIN_IDS[knownId(buf, start, end)] === 1 ? PLAIN : MAY_INDEX;

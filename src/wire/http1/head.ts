/**
 * Heads of HTTP/1.1 messages, read in one pass over their bytes: offsets in typed arrays, no string and no object a
 * header. Anything that two parsers could read differently is refused here (RFC 9112 §3, §5, §6.3, §11.2): bare CR or
 * LF, folded lines, space before a colon, two lengths, a length beside a coding, codings other than `chunked`.
 *
 * Where Envoy 1.40 lets things through and we do not: folded lines, bare LF and bare CR (it reads the line end that it
 * likes), two Hosts (it takes the first), white space around the parts of the request line, a Host with a userinfo, a
 * comma or a port that is no number, a length with leading zeros, an HTTP/1.0 message with Transfer-Encoding. It can
 * afford to: it writes every head anew, while our lines travel as they came.
 *
 * @module
 */
import { CHAR, COLON, CR, LF, LOWER, SP, TAB, TOKEN, VALUE } from "./chars.ts";
import { type ConnectionOptions, connectionOptions, usualOptions } from "./connection-options.ts";
import { HOP_BY_HOP, ID, KNOWN_COUNT, knownId } from "./known.ts";
import { latin1 } from "./text.ts";

/** Most header lines in a head; Envoy's default for `max_headers_count`. */
const MAX_HEADERS = 100;
/** Room for lines at first: every connection holds a head, and most heads are short. */
const FIRST_HEADERS = 16;
/** A head that trickles in is tried at every read up to this size, then more rarely. */
const EAGER_BYTES = 1024;

/** How a body ends. */
export type Framing = 0 | 1 | 2 | 3;
export const NO_BODY = 0;
export const BY_LENGTH = 1;
export const CHUNKED = 2;
/** Responses only. */
export const UNTIL_CLOSE = 3;

/** What is wrong with a head, in words for a log; the status that answers it comes with it. */
export interface HeadError {
  readonly status: 400 | 431 | 501 | 505;
  readonly reason: string;
}

/** The parser wants more bytes. */
export const INCOMPLETE = 0;

/**
 * The lines of a head. One object serves all heads of a connection: what a getter returned stays good, the
 * offsets do not.
 */
export abstract class Head {
  /** The bytes that the offsets point into. */
  buf: Uint8Array = EMPTY;
  /** First byte of the head. */
  start = 0;
  /** First byte behind the head. */
  end = 0;
  /** Header lines. */
  count = 0;
  /** `lineStart, nameEnd, valueStart, valueEnd, lineEnd` of each line; the line's end is behind its CRLF. */
  offsets = new Int32Array(FIRST_HEADERS * 5);
  /** Known id of each line. */
  ids = new Uint8Array(FIRST_HEADERS);
  /** Index + 1 of the first line of each known header; 0 where there is none. */
  readonly first = new Int16Array(KNOWN_COUNT);
  /** HTTP/1.1 or later, else 1.0. */
  isVersion11 = true;
  /** Came as HTTP/2 and was rendered as the text of HTTP/1.1, in lower case (see `wire/http2/head-builder.ts`). */
  isHttp2 = false;
  framing: Framing = NO_BODY;
  /** With {@link BY_LENGTH}. */
  contentLength = 0;
  /** The connection may be used again after this message. */
  keepAlive = true;
  /** What was wrong, after a parse that returned less than 0. */
  error: HeadError = NO_ERROR;
  /** Some line is named by Connection, so those lines go as well. */
  protected connectionNames: readonly string[] = NO_NAMES;
  readonly #maxHeaders: number;
  /** Bytes at the last try, when it found the head incomplete. */
  #triedBytes = 0;
  /** Bytes that were there at the last call, tried or not. */
  #seenBytes = 0;

  /** @param maxHeaders Most header lines in a head (`max_headers_count`); one more is answered with 431. */
  constructor(maxHeaders: number = MAX_HEADERS) {
    this.#maxHeaders = maxHeaders;
  }

  /** Value of line `i`, Latin-1. */
  value(i: number): string {
    return latin1(this.buf, this.offsets[i * 5 + 2] as number, this.offsets[i * 5 + 3] as number);
  }

  /** Name of line `i` as it was written. */
  name(i: number): string {
    return latin1(this.buf, this.offsets[i * 5] as number, this.offsets[i * 5 + 1] as number);
  }

  /** Value of a known header's first line. */
  known(id: number): string | undefined {
    const i = this.first[id] as number;
    return i === 0 ? undefined : this.value(i - 1);
  }

  /** Whether the content is gRPC: `application/grpc`, alone or with `+` or `;` behind it. */
  get isGrpc(): boolean {
    const i = (this.first[ID["content-type"]] as number) - 1;
    if (i < 0) return false;
    const start = this.offsets[i * 5 + 2] as number;
    const behind = start + GRPC.length;
    if (behind > (this.offsets[i * 5 + 3] as number)) return false;
    for (let k = 0; k < GRPC.length; k++) if (this.buf[start + k] !== GRPC[k]) return false;
    const c = this.buf[behind];
    return behind === this.offsets[i * 5 + 3] || c === PLUS || c === SEMICOLON;
  }

  /** Value of a header by its lower-case name, several lines joined with a comma. */
  header(lowerName: string): string | undefined {
    const id = KNOWN.get(lowerName) ?? 0;
    const first = id === 0 ? 0 : (this.first[id] as number) - 1;
    if (first < 0) return undefined;
    const { ids, count } = this;
    let value: string | undefined;
    for (let i = first; i < count; i++) {
      if (id === 0 ? !this.isNamed(i, lowerName) : ids[i] !== id) continue;
      value = value === undefined ? this.value(i) : `${value},${this.value(i)}`;
    }
    return value;
  }

  /** What operators such as `%REQ(x)%` say: the first line, as in Envoy; of the headers that it knows once, all of them joined. */
  told(lowerName: string): string | undefined {
    if (KNOWN.has(lowerName)) return this.header(lowerName);
    for (let i = 0; i < this.count; i++) if (this.isNamed(i, lowerName)) return this.value(i);
    return undefined;
  }

  /** Values of a header by its lower-case name, line by line. */
  headerLines(lowerName: string): string[] {
    const found: string[] = [];
    for (let i = 0; i < this.count; i++) if (this.isNamed(i, lowerName)) found.push(this.value(i));
    return found;
  }

  /** Whether line `i` has this lower-case name. */
  isNamed(i: number, lowerName: string): boolean {
    const start = this.offsets[i * 5] as number;
    const length = (this.offsets[i * 5 + 1] as number) - start;
    if (length !== lowerName.length) return false;
    const { buf } = this;
    for (let k = 0; k < length; k++) {
      if (LOWER[buf[start + k] as number] !== lowerName.charCodeAt(k)) return false;
    }
    return true;
  }

  /** Takes lines out: to everybody who looks at the head later they were never there. */
  remove(goes: (line: number) => boolean): void {
    const { count, first, ids, offsets } = this;
    const gone = Array.from({ length: count }, (_, i) => goes(i));
    let kept = 0;
    first.fill(0);
    for (let i = 0; i < count; i++) {
      if (gone[i] === true) continue;
      offsets.copyWithin(kept * 5, i * 5, i * 5 + 5);
      const id = (ids[kept++] = ids[i] as number);
      if (id !== 0 && first[id] === 0) first[id] = kept;
    }
    this.count = kept;
  }

  /** Whether line `i` belongs to this connection only and must not be passed on. */
  isHopByHop(i: number): boolean {
    if (HOP_BY_HOP[this.ids[i] as number] === 1) return true;
    return this.connectionNames.length > 0 && this.#isConnectionName(i);
  }

  #isConnectionName(i: number): boolean {
    return HOP_BY_HOP[this.ids[i] as number] === 0 && this.connectionNames.some((name) => this.isNamed(i, name));
  }

  /** Takes out what Connection names: nobody may decide by a header that the other side will not get. */
  removeConnectionNames(): void {
    if (this.connectionNames.length > 0) this.remove((line) => this.#isConnectionName(line));
  }

  /**
   * Whether to wait for more before `buf[start, end)` is tried again: a head that comes byte by byte would otherwise
   * be read as many times as it has bytes. Only new bytes are searched for the empty line that a complete head has.
   */
  protected isTooSoon(buf: Uint8Array, start: number, end: number): boolean {
    const length = end - start;
    const tried = this.#triedBytes;
    if (length < EAGER_BYTES || length < this.#seenBytes || length >= tried * 1.25) return false;
    const from = start + this.#seenBytes - 3;
    this.#seenBytes = length;
    for (let i = from; i + 3 < end; i++)
      if (buf[i] === CR && buf[i + 1] === LF && buf[i + 2] === CR && buf[i + 3] === LF) return false;
    return true;
  }

  /** Remembers how a try ended, for {@link isTooSoon}. */
  protected tried(behind: number, start: number, end: number): number {
    this.#triedBytes = behind === INCOMPLETE ? end - start : 0;
    this.#seenBytes = this.#triedBytes;
    return behind;
  }

  /** Reads the lines from `at` on; returns the byte behind the head, {@link INCOMPLETE}, or -1 with `error` set. */
  protected parseLines(buf: Uint8Array, at: number, end: number): number {
    const { first } = this;
    let { offsets, ids } = this;
    first.fill(0);
    this.count = 0;
    this.connectionNames = NO_NAMES;
    let count = 0;
    let pos = at;
    for (;;) {
      if (pos >= end) return INCOMPLETE;
      let c = buf[pos] as number;
      if (c === CR) {
        if (pos + 1 >= end) return INCOMPLETE;
        if (buf[pos + 1] !== LF) return this.fail(400, "a carriage return without a line feed");
        this.count = count;
        return pos + 2;
      }
      if (count === ids.length || count === this.#maxHeaders) {
        if (count === this.#maxHeaders) return this.fail(431, `more than ${count} header lines`);
        this.#grow();
        ({ offsets, ids } = this);
      }
      const lineStart = pos;
      while (pos < end && (CHAR[(c = buf[pos] as number)] as number) & TOKEN) pos++;
      if (pos >= end) return INCOMPLETE;
      if (c !== COLON || pos === lineStart) return this.fail(400, nameProblem(c, pos === lineStart));
      const nameEnd = pos++;
      while (pos < end && ((c = buf[pos] as number) === SP || c === TAB)) pos++;
      const valueStart = pos;
      pos = skipValue(buf, pos, end);
      if (pos >= end) return INCOMPLETE;
      if (buf[pos] !== CR) return this.fail(400, valueProblem(buf[pos] as number));
      if (pos + 1 >= end) return INCOMPLETE;
      if (buf[pos + 1] !== LF) return this.fail(400, "a bare CR");
      let valueEnd = pos;
      while (valueEnd > valueStart && ((c = buf[valueEnd - 1] as number) === SP || c === TAB)) valueEnd--;
      pos += 2;
      const o = count * 5;
      offsets[o] = lineStart;
      offsets[o + 1] = nameEnd;
      offsets[o + 2] = valueStart;
      offsets[o + 3] = valueEnd;
      offsets[o + 4] = pos;
      const id = knownId(buf, lineStart, nameEnd);
      ids[count++] = id;
      if (id !== 0) {
        if (first[id] === 0) first[id] = count;
        else if (id <= ID["transfer-encoding"]) return this.fail(400, `${ONCE[id]} is repeated`);
      }
    }
  }

  #grow(): void {
    const lines = Math.min(this.ids.length * 2, this.#maxHeaders);
    const { offsets, ids } = this;
    this.offsets = new Int32Array(lines * 5);
    this.offsets.set(offsets);
    this.ids = new Uint8Array(lines);
    this.ids.set(ids);
  }

  /** Reads Content-Length, Transfer-Encoding and Connection. False with `error` set when they are wrong. */
  protected readFraming(): boolean {
    const { first } = this;
    this.framing = NO_BODY;
    this.contentLength = 0;
    this.keepAlive = this.isVersion11;
    const coding = first[ID["transfer-encoding"]] as number;
    const length = first[ID["content-length"]] as number;
    if (coding !== 0 && !this.#readCoding(coding - 1, length !== 0)) return false;
    if (length !== 0 && !this.#readLength(length - 1)) return false;
    return first[ID.connection] === 0 || this.#readConnection();
  }

  #readCoding(line: number, hasLength: boolean): boolean {
    if (hasLength) return this.refuse(400, "both Content-Length and Transfer-Encoding");
    if (!this.isVersion11) return this.refuse(400, "Transfer-Encoding in HTTP/1.0");
    const coding = this.value(line).toLowerCase();
    this.framing = CHUNKED;
    if (coding === "chunked") return true;
    // RFC 9112 §6.3: where chunked is there and not last, the end cannot be told. Envoy answers 501 to that as well.
    if (/(^|,)[ \t]*chunked[ \t]*,[ \t]*[^ \t,]/.test(coding))
      return this.refuse(400, "chunked is not the last coding");
    return this.refuse(501, "a transfer coding other than chunked");
  }

  /** A leading zero is refused: `010` is eight to some. */
  #readLength(line: number): boolean {
    const { buf, offsets } = this;
    const from = offsets[line * 5 + 2] as number;
    const to = offsets[line * 5 + 3] as number;
    // 15 digits stay exact in a double.
    if (to === from || to - from > 15 || (to - from > 1 && buf[from] === 0x30))
      return this.refuse(400, "Content-Length is not a number");
    let value = 0;
    for (let i = from; i < to; i++) {
      const digit = (buf[i] as number) - 48;
      if (digit < 0 || digit > 9) return this.refuse(400, "Content-Length is not a number");
      value = value * 10 + digit;
    }
    this.framing = BY_LENGTH;
    this.contentLength = value;
    return true;
  }

  #readConnection(): boolean {
    const options = this.#usualConnection() ?? connectionOptions(this.header("connection") as string);
    if (typeof options === "string") return this.refuse(400, options);
    // Close wins over keep-alive, whatever their order (RFC 9112 §9.3).
    this.keepAlive = !options.close && (this.isVersion11 || options.keepAlive);
    this.connectionNames = options.names;
    return true;
  }

  /** Without a string, where there is one line that says what nearly all say. */
  #usualConnection(): ConnectionOptions | undefined {
    const { first, ids, count, offsets } = this;
    const line = (first[ID.connection] as number) - 1;
    for (let i = line + 1; i < count; i++) if (ids[i] === ID.connection) return undefined;
    return usualOptions(this.buf, offsets[line * 5 + 2] as number, offsets[line * 5 + 3] as number);
  }

  protected refuse(status: HeadError["status"], reason: string): false {
    this.error = { status, reason };
    return false;
  }

  protected fail(status: HeadError["status"], reason: string): -1 {
    this.error = { status, reason };
    return -1;
  }
}

/** The first byte from `from` on that is not part of a field value; four at a time, which saves a third of a long value. */
function skipValue(buf: Uint8Array, from: number, end: number): number {
  let pos = from;
  for (; pos + 3 < end; pos += 4) {
    const all =
      (CHAR[buf[pos] as number] as number) &
      (CHAR[buf[pos + 1] as number] as number) &
      (CHAR[buf[pos + 2] as number] as number) &
      (CHAR[buf[pos + 3] as number] as number);
    if ((all & VALUE) === 0) break;
  }
  while (pos < end && (CHAR[buf[pos] as number] as number) & VALUE) pos++;
  return pos;
}

const GRPC = Buffer.from("application/grpc");
const PLUS = 0x2b;
const SEMICOLON = 0x3b;
const EMPTY = new Uint8Array(0);
const NO_NAMES: readonly string[] = [];
const NO_ERROR: HeadError = { status: 400, reason: "" };
/** Headers that may come once, by id. Envoy answers 501 to a repeated coding. */
const ONCE: readonly string[] = ["", "host", "content-length", "transfer-encoding"];
const KNOWN: ReadonlyMap<string, number> = new Map(Object.entries(ID));

const valueProblem = (found: number): string =>
  found === LF ? "a bare LF" : "a control character in a header's value";

function nameProblem(found: number, empty: boolean): string {
  if (found === SP || found === TAB)
    return empty ? "a folded header line" : "white space between a header's name and its colon";
  if (found === LF) return "a bare LF";
  return empty ? "a header line without a name" : "a header line without a colon, or a name with a forbidden character";
}

/**
 * Heads of HTTP/1.1 messages, read in one pass over their bytes: offsets in typed arrays, no string and no object a
 * header. Anything that two parsers could read differently is refused here (RFC 9112 §3, §5, §6.3, §11.2): bare CR or
 * LF, folded lines, space before a colon, two lengths, a length beside a coding, codings other than `chunked`.
 *
 * Where Envoy lets things through and we do not: an HTTP/1.0 message with Transfer-Encoding, a repeated
 * Content-Length even when equal, a Host with a byte outside of RFC 3986's names.
 *
 * @module
 */
import { CHAR, COLON, CR, LF, LOWER, SP, TAB, TOKEN, VALUE } from "./chars.ts";
import { HOP_BY_HOP, ID, KNOWN_COUNT, knownId } from "./known.ts";

/** Most header lines in a head; Envoy's `max_headers_count`. */
export const MAX_HEADERS = 100;

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
  readonly offsets = new Int32Array(MAX_HEADERS * 5);
  /** Known id of each line. */
  readonly ids = new Uint8Array(MAX_HEADERS);
  /** Index + 1 of the first line of each known header; 0 where there is none. */
  readonly first = new Int16Array(KNOWN_COUNT);
  /** HTTP/1.1, else 1.0. */
  isVersion11 = true;
  framing: Framing = NO_BODY;
  /** With {@link BY_LENGTH}. */
  contentLength = 0;
  /** The connection may be used again after this message. */
  keepAlive = true;
  /** What was wrong, after a parse that returned less than 0. */
  error: HeadError = NO_ERROR;
  /** Some line is named by Connection, so those lines go as well. */
  protected connectionNames: readonly string[] = NO_NAMES;

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

  /** Value of a header by its lower-case name, several lines joined with a comma. */
  header(lowerName: string): string | undefined {
    const id = (ID as Readonly<Record<string, number | undefined>>)[lowerName];
    if (id !== undefined && this.first[id] === 0) return undefined;
    let value: string | undefined;
    for (let i = 0; i < this.count; i++) {
      if (!this.isNamed(i, lowerName)) continue;
      value = value === undefined ? this.value(i) : `${value},${this.value(i)}`;
    }
    return value;
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

  /** Whether line `i` belongs to this connection only and must not be passed on. */
  isHopByHop(i: number): boolean {
    if (HOP_BY_HOP[this.ids[i] as number] === 1) return true;
    if (this.connectionNames.length === 0) return false;
    return this.connectionNames.some((name) => this.isNamed(i, name));
  }

  /** Reads the lines from `at` on; returns the byte behind the head, {@link INCOMPLETE}, or -1 with `error` set. */
  protected parseLines(buf: Uint8Array, at: number, end: number): number {
    const { offsets, ids, first } = this;
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
      if (count === MAX_HEADERS) return this.fail(431, `more than ${MAX_HEADERS} header lines`);
      const lineStart = pos;
      while (pos < end && (CHAR[(c = buf[pos] as number)] as number) & TOKEN) pos++;
      if (pos >= end) return INCOMPLETE;
      if (c !== COLON || pos === lineStart) return this.fail(400, nameProblem(c, pos === lineStart));
      const nameEnd = pos++;
      while (pos < end && ((c = buf[pos] as number) === SP || c === TAB)) pos++;
      const valueStart = pos;
      while (pos < end && (CHAR[(c = buf[pos] as number)] as number) & VALUE) pos++;
      if (pos + 1 >= end)
        return c === CR || pos >= end ? INCOMPLETE : this.fail(400, "a control character in a header's value");
      if (c !== CR || buf[pos + 1] !== LF)
        return this.fail(400, c === CR || c === LF ? "a bare CR or LF" : "a control character in a header's value");
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
        else if (id <= ID["transfer-encoding"]) {
          this.count = count;
          return this.fail(400, `${this.name(count - 1).toLowerCase()} is repeated`);
        }
      }
    }
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
    if (first[ID.connection] !== 0) this.#readConnection();
    return true;
  }

  #readCoding(line: number, hasLength: boolean): boolean {
    if (hasLength) return this.#wrong(400, "both Content-Length and Transfer-Encoding");
    if (!this.isVersion11) return this.#wrong(400, "Transfer-Encoding in HTTP/1.0");
    if (this.value(line).toLowerCase() !== "chunked") return this.#wrong(501, "a transfer coding other than chunked");
    this.framing = CHUNKED;
    return true;
  }

  #readLength(line: number): boolean {
    const { buf, offsets } = this;
    const from = offsets[line * 5 + 2] as number;
    const to = offsets[line * 5 + 3] as number;
    // 15 digits stay exact in a double.
    if (to === from || to - from > 15) return this.#wrong(400, "Content-Length is not a number");
    let value = 0;
    for (let i = from; i < to; i++) {
      const digit = (buf[i] as number) - 48;
      if (digit < 0 || digit > 9) return this.#wrong(400, "Content-Length is not a number");
      value = value * 10 + digit;
    }
    this.framing = BY_LENGTH;
    this.contentLength = value;
    return true;
  }

  #readConnection(): void {
    const names: string[] = [];
    for (const name of (this.header("connection") ?? "").toLowerCase().split(",")) {
      const token = name.trim();
      if (token === "close") this.keepAlive = false;
      else if (token === "keep-alive") this.keepAlive = this.keepAlive || !this.isVersion11;
      else if (token !== "") names.push(token);
    }
    // Close wins over keep-alive, whatever their order.
    if (!this.isVersion11 && /(^|,)\s*close\s*(,|$)/i.test(this.header("connection") ?? "")) this.keepAlive = false;
    // A sender cannot have end-to-end headers removed on the way by naming them (the proxy's own would be next).
    this.connectionNames = names.filter((name) => !PROTECTED.has(name));
  }

  #wrong(status: HeadError["status"], reason: string): boolean {
    this.error = { status, reason };
    return false;
  }

  protected fail(status: HeadError["status"], reason: string): -1 {
    this.error = { status, reason };
    return -1;
  }
}

const EMPTY = new Uint8Array(0);
const NO_NAMES: readonly string[] = [];
const NO_ERROR: HeadError = { status: 400, reason: "" };

/** Naming these in Connection would change how the message is read, routed or authorized. */
const PROTECTED: ReadonlySet<string> = new Set([
  "host",
  "content-length",
  "transfer-encoding",
  "content-type",
  "authorization",
  "cookie",
  "x-request-id",
  "x-forwarded-for",
  "x-forwarded-proto",
  "x-forwarded-host",
  "x-forwarded-client-cert",
  "traceparent",
  "tracestate",
]);

function nameProblem(found: number, empty: boolean): string {
  if (found === SP || found === TAB)
    return empty ? "a folded header line" : "white space between a header's name and its colon";
  if (found === LF) return "a bare LF";
  return empty ? "a header line without a name" : "a header line without a colon, or a name with a forbidden character";
}

/** A Buffer has this; the types of Bun do not say so. */
type LatinBuffer = Uint8Array & { latin1Slice(start: number, end: number): string };

/** Bytes of a Buffer as a string, one char a byte. */
export function latin1(buf: Uint8Array, start: number, end: number): string {
  return (buf as LatinBuffer).latin1Slice(start, end);
}

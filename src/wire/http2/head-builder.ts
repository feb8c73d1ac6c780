/**
 * Puts the fields of an HTTP/2 message into the head that the rest of the proxy knows from HTTP/1.1: `name: value CRLF`
 * lines in a buffer of the head's own, offsets and known ids beside them, pseudo fields where a request or status line
 * would have left them. What RFC 9113 §8 calls malformed is refused, and what `wire/http1` refuses in such a head is too.
 *
 * - `:authority` becomes the line `host`, and a `host` beside it is dropped, as Envoy does. Where there is no `:authority`,
 *   `host` is the authority; a request with neither is malformed, as to Envoy.
 * - Several `cookie` fields become one line (RFC 9113 §8.2.3).
 * - A field that its sender marked never-indexed (RFC 7541 §6.2.3) is written without the space behind its colon, by which
 *   the writer of the next hop knows it.
 * - A trailer that would frame, route or authorize the message is left out (RFC 9110 §6.5.1).
 * - `framing` is `NO_BODY` where the stream ends with the head, `BY_LENGTH`, or `UNTIL_CLOSE`: plain bytes until the
 *   stream ends.
 *
 * @module
 */
import { CHAR, COLON, CR, LF, METHOD, SP, TAB } from "../http1/chars.ts";
import { isForbiddenTrailer } from "../http1/body.ts";
import { BY_LENGTH, type Head, type HeadError, latin1, NO_BODY, UNTIL_CLOSE } from "../http1/head.ts";
import { ID } from "../http1/known.ts";
import { reasonPhrase } from "../http1/reason-phrases.ts";
import { isHost, RequestHead } from "../http1/request-head.ts";
import { ResponseHead } from "../http1/response-head.ts";
import { Kind, NO_PROBLEM, PADDED, PROBLEMS } from "./field-kinds.ts";
import { LINE_EXTRA_BYTES } from "./line-table.ts";

/** What may be in a field section. */
export interface SectionLimits {
  /** Names and values together, as Envoy counts `max_request_headers_kb`. */
  readonly maxListBytes: number;
  /** Lines of the head (`max_headers_count`). */
  readonly maxHeaders: number;
  /** Extended CONNECT is on (RFC 8441). */
  readonly allowConnect: boolean;
}

const FIRST_BYTES = 512;
/** Where fields go that nobody wants: shared, since a section is decoded in one go. */
const SCRATCH = Buffer.allocUnsafeSlow(16_384);
/** A buffer that grew beyond this is not kept for the next head. */
const MOST_KEPT_BYTES = 16_384;

export class HeadBuilder {
  readonly #limits: SectionLimits;
  /** Where lines are written: the head's buffer, or a shared one where nobody wants them. */
  out: Buffer = SCRATCH;
  /** Behind the last line. A literal is written here first, whatever becomes of it. */
  at = 0;
  #scratch: Buffer = SCRATCH;
  #head: Head | undefined;
  #request: RequestHead | undefined;
  #response: ResponseHead | undefined;
  #error: HeadError | undefined;
  #listBytes = 0;
  /** Bits of the pseudo fields that came. */
  #seen = 0;
  #hasRegular = false;
  #contentLength = -1;
  /** Index + 1 of the cookie line. */
  #cookie = 0;
  /** The last authority that was found good. */
  #goodHost = "";

  constructor(limits: SectionLimits) {
    this.#limits = limits;
  }

  /** Starts on a section. Without a head it is read and dropped. */
  begin(head: Head | undefined): void {
    this.#head = head;
    this.#request = head instanceof RequestHead ? head : undefined;
    this.#response = head instanceof ResponseHead ? head : undefined;
    this.#error = undefined;
    this.at = 0;
    this.#listBytes = 0;
    this.#seen = 0;
    this.#hasRegular = false;
    this.#contentLength = -1;
    this.#cookie = 0;
    this.#scratch = SCRATCH;
    if (head === undefined) {
      this.out = this.#scratch;
      return;
    }
    if (head.buf.length < FIRST_BYTES || head.buf.length > MOST_KEPT_BYTES || !head.isHttp2)
      head.buf = Buffer.allocUnsafeSlow(FIRST_BYTES);
    this.out = head.buf as Buffer;
    head.isHttp2 = head.isVersion11 = head.keepAlive = true;
    head.start = head.count = head.contentLength = 0;
    head.first.fill(0);
    const request = this.#request;
    if (request === undefined) return;
    request.method = request.path = request.authority = request.scheme = request.protocol = "";
    request.isAbsolute = false;
  }

  /** Room for `bytes` at {@link at}. */
  reserve(bytes: number): void {
    const needed = this.at + bytes;
    if (needed <= this.out.length) return;
    const grown = Buffer.allocUnsafeSlow(needed * 2);
    // All of it: a literal that is not a line yet stands behind `at`.
    this.out.copy(grown);
    this.out = grown;
    if (this.#head === undefined || this.#error !== undefined) this.#scratch = grown;
    else this.#head.buf = grown;
  }

  /** Takes a pseudo field. */
  pseudo(kind: number, text: string, problem: number): void {
    const bit = 1 << kind;
    this.#listBytes += text.length + PSEUDO_NAME_BYTES;
    if (this.#error !== undefined || this.#head === undefined) return;
    if (problem !== NO_PROBLEM) return this.#refuse(problem);
    if (this.#hasRegular) return this.refuse(400, "a pseudo field behind a regular one");
    if (this.#seen & bit) return this.refuse(400, "a pseudo field that comes twice");
    this.#seen |= bit;
    const request = this.#request;
    if (request === undefined) {
      if (kind !== Kind.status || this.#response === undefined)
        return this.refuse(400, "a pseudo field that does not belong here");
      return this.#status(text, this.#response);
    }
    switch (kind) {
      case Kind.method:
        request.method = text;
        return;
      case Kind.scheme:
        request.scheme = text;
        return;
      case Kind.path:
        request.path = text;
        return;
      case Kind.protocol:
        request.protocol = text;
        return;
      case Kind.authority:
        return this.#authority(text, request);
      default:
        this.refuse(400, "a pseudo field that does not belong here");
    }
  }

  /** Takes a regular field whose line is at `start` of `buf`: at {@link at} of {@link out}, or elsewhere, and then it is copied. */
  field(
    buf: Buffer,
    start: number,
    nameLength: number,
    valueLength: number,
    kind: number,
    id: number,
    problem: number,
    neverIndexed: boolean,
  ): void {
    this.#listBytes += nameLength + valueLength;
    const head = this.#head;
    if (this.#error !== undefined || head === undefined) return;
    if (this.#listBytes > this.#limits.maxListBytes) return this.refuse(431, "a head with too many bytes");
    if (problem !== NO_PROBLEM && problem !== PADDED) return this.#refuse(problem);
    this.#hasRegular = true;
    const length = nameLength + valueLength + LINE_EXTRA_BYTES;
    if (buf !== this.out) {
      this.reserve(length);
      buf.copy(this.out, this.at, start, start + length);
    }
    if (this.#request === undefined && this.#response === undefined && this.#isForbiddenTrailer(nameLength)) return;
    if (problem === PADDED) this.#take(nameLength, this.#trim(nameLength, valueLength), kind, id, neverIndexed);
    else if (kind === Kind.regular) this.#line(nameLength, valueLength, id, neverIndexed);
    else this.#take(nameLength, valueLength, kind, id, neverIndexed);
  }

  /** Takes the white space off the value at {@link at}; returns its length. */
  #trim(nameLength: number, valueLength: number): number {
    const { out } = this;
    const start = this.at + nameLength + 2;
    let from = start;
    let to = start + valueLength;
    while (from < to && isWhiteSpace(out[from])) from++;
    while (to > from && isWhiteSpace(out[to - 1])) to--;
    out.copyWithin(start, from, to);
    return to - from;
  }

  #take(nameLength: number, valueLength: number, kind: number, id: number, neverIndexed: boolean): void {
    const head = this.#head as Head;
    const valueStart = this.at + nameLength + 2;
    if (kind === Kind.cookie) return this.#cookieLine(nameLength, valueLength, neverIndexed);
    if (kind === Kind.host && this.#request !== undefined) {
      // A host beside :authority says nothing new, or a lie.
      if (this.#seen & (1 << Kind.authority)) return;
      if (head.first[ID.host] !== 0) return this.refuse(400, "host is repeated");
      if (!this.#readHost(latin1(this.out, valueStart, valueStart + valueLength), this.#request)) return;
    }
    if (kind === Kind.contentLength && !this.#readLength(valueStart, valueStart + valueLength)) return;
    this.#line(nameLength, valueLength, id, neverIndexed);
  }

  #isForbiddenTrailer(nameLength: number): boolean {
    // None begins with `g`, and most trailers are those of gRPC.
    if (this.out[this.at] === 0x67) return false;
    return isForbiddenTrailer(latin1(this.out, this.at, this.at + nameLength));
  }

  /** Makes what is at {@link at} a line of the head. */
  #line(nameLength: number, valueLength: number, id: number, neverIndexed: boolean): void {
    const head = this.#head as Head;
    const { count } = head;
    if (count === this.#limits.maxHeaders) return this.refuse(431, `more than ${count} header lines`);
    if (count === head.ids.length) growLines(head);
    const { out, at } = this;
    const { offsets } = head;
    const nameEnd = at + nameLength;
    let valueStart = nameEnd + 2;
    if (neverIndexed) out.copyWithin(--valueStart, valueStart + 1, valueStart + 1 + valueLength);
    const valueEnd = valueStart + valueLength;
    out[nameEnd] = COLON;
    if (!neverIndexed) out[nameEnd + 1] = SP;
    out[valueEnd] = CR;
    out[valueEnd + 1] = LF;
    const o = count * 5;
    offsets[o] = at;
    offsets[o + 1] = nameEnd;
    offsets[o + 2] = valueStart;
    offsets[o + 3] = valueEnd;
    offsets[o + 4] = valueEnd + 2;
    head.ids[count] = id;
    head.count = count + 1;
    if (id !== 0 && head.first[id] === 0) head.first[id] = count + 1;
    this.at = valueEnd + 2;
  }

  /** The second and later ones join the first, which moves to the end for it when it is not there. */
  #cookieLine(nameLength: number, valueLength: number, neverIndexed: boolean): void {
    const head = this.#head as Head;
    if (this.#cookie === 0 || this.#request === undefined) {
      this.#line(nameLength, valueLength, 0, neverIndexed);
      this.#cookie = head.count;
      return;
    }
    // An empty one would leave white space at the end, which no field may have.
    if (valueLength === 0) return;
    const o = (this.#cookie - 1) * 5;
    const { offsets } = head;
    const from = offsets[o] as number;
    const length = (offsets[o + 3] as number) - from;
    const isLast = offsets[o + 4] === this.at;
    const crumb = this.at + nameLength + 2;
    const crumbLength = valueLength;
    // Room for the line that is there, behind the crumb, which is moved onto its end.
    this.reserve(nameLength + crumbLength * 2 + length + LINE_EXTRA_BYTES + 2);
    const { out } = this;
    const start = isLast ? from : crumb + crumbLength;
    if (!isLast) out.copyWithin(start, from, from + length);
    const joint = start + length;
    out.copyWithin(joint + 2, crumb, crumb + crumbLength);
    out[joint] = SEMICOLON;
    out[joint + 1] = SP;
    const end = joint + 2 + crumbLength;
    out[end] = CR;
    out[end + 1] = LF;
    const move = start - from;
    offsets[o] = start;
    offsets[o + 1] = (offsets[o + 1] as number) + move;
    offsets[o + 2] = (offsets[o + 2] as number) + move;
    offsets[o + 3] = end;
    offsets[o + 4] = this.at = end + 2;
  }

  #authority(text: string, request: RequestHead): void {
    if (!this.#readHost(text, request)) return;
    // The line that HTTP/1.1 would have had.
    this.reserve(text.length + 8);
    const { out, at } = this;
    latin1Write(out, "host", at);
    latin1Write(out, text, at + 6);
    this.#line(4, text.length, ID.host, false);
  }

  #readHost(text: string, request: RequestHead): boolean {
    if (text !== this.#goodHost) {
      if (!isHost(text)) {
        this.refuse(400, "the authority is not a host");
        return false;
      }
      this.#goodHost = text;
    }
    request.authority = text;
    return true;
  }

  /** As in HTTP/1.1: one number, no leading zero. */
  #readLength(start: number, end: number): boolean {
    const { out } = this;
    let value = end > start && end - start <= 15 && (out[start] !== 0x30 || end - start === 1) ? 0 : -1;
    for (let i = start; i < end && value >= 0; i++) {
      const digit = (out[i] as number) - 48;
      value = digit < 0 || digit > 9 ? -1 : value * 10 + digit;
    }
    if (value < 0) this.refuse(400, "content-length is not a number");
    else if (this.#contentLength >= 0) this.refuse(400, "content-length is repeated");
    this.#contentLength = value;
    return this.#error === undefined;
  }

  #status(text: string, response: ResponseHead): void {
    const status = /^[1-9][0-9][0-9]$/.test(text) ? Number(text) : 0;
    if (status === 0 || status === 101) return this.refuse(400, "the :status is no status of HTTP/2");
    const line = statusLine(status);
    this.reserve(line.length);
    line.copy(this.out, 0);
    response.status = status;
    response.reasonStart = 12;
    response.linesStart = this.at = line.length;
  }

  /**
   * Ends the section.
   * @param isToHead The request was HEAD.
   * @returns What is wrong with it; undefined when nothing is.
   */
  end(endStream: boolean, isToHead: boolean): HeadError | undefined {
    const head = this.#head;
    if (head === undefined) return undefined;
    if (this.#error === undefined && this.#listBytes > this.#limits.maxListBytes)
      this.refuse(431, "a head with too many bytes");
    if (this.#error === undefined) {
      if (this.#request !== undefined) this.#endRequest(this.#request);
      else if (this.#response !== undefined && this.#seen === 0) this.refuse(400, "an answer without :status");
    }
    if (this.#error === undefined) this.#settleBody(head, endStream, isToHead);
    const error = this.#error;
    if (error !== undefined) {
      head.error = error;
      head.count = 0;
      head.first.fill(0);
      return error;
    }
    this.reserve(2);
    this.out[this.at] = CR;
    this.out[this.at + 1] = LF;
    head.end = this.at + 2;
    return undefined;
  }

  #endRequest(request: RequestHead): void {
    const { method, path, protocol } = request;
    const seen = this.#seen;
    if (!isMethod(method)) return this.refuse(400, "no :method in upper case");
    const isExtended = (seen & (1 << Kind.protocol)) !== 0;
    if (isExtended && (method !== "CONNECT" || protocol === "" || !this.#limits.allowConnect))
      return this.refuse(400, ":protocol where extended CONNECT is not allowed");
    if (method === "CONNECT" && !isExtended) {
      if (seen & ((1 << Kind.scheme) | (1 << Kind.path)) || !/:[0-9]+$/.test(request.authority))
        this.refuse(400, "CONNECT must have host:port, and neither :scheme nor :path");
      return;
    }
    if (request.scheme !== "http" && request.scheme !== "https") {
      request.scheme = request.scheme.toLowerCase();
      if (!SCHEME.test(request.scheme)) return this.refuse(400, "the :scheme is missing or no scheme");
    }
    if (request.authority === "") return this.refuse(400, "neither :authority nor host");
    if (path.charCodeAt(0) !== 0x2f && (path !== "*" || method !== "OPTIONS"))
      this.refuse(400, "the :path does not begin with /");
  }

  #settleBody(head: Head, endStream: boolean, isToHead: boolean): void {
    const length = this.#contentLength;
    head.contentLength = Math.max(length, 0);
    head.framing = endStream ? NO_BODY : length >= 0 ? BY_LENGTH : UNTIL_CLOSE;
    const response = this.#response;
    if (response !== undefined) {
      const { status } = response;
      if (status < 200 && endStream) return this.refuse(400, `the stream ends with status ${status}`);
      if ((status < 200 || status === 204) && length > 0) return this.refuse(400, `a status ${status} with a body`);
      if (!isToHead && status >= 200 && status !== 204 && status !== 304) {
        if (endStream && length > 0) this.refuse(400, "a length and no body");
      } else head.framing = NO_BODY;
    } else if (endStream && length > 0 && this.#request !== undefined) this.refuse(400, "a length and no body");
  }

  #refuse(problem: number): void {
    this.refuse(400, PROBLEMS[problem] as string);
  }

  /** Notes what is wrong. The fields that follow are read for the table's sake alone. */
  refuse(status: HeadError["status"], reason: string): void {
    this.#error ??= { status, reason };
    this.out = this.#scratch;
    this.at = 0;
  }
}

/** A Buffer has this; the types of Bun do not say so. */
type LatinBuffer = Buffer & { latin1Write(text: string, offset: number): number };

const latin1Write = (out: Buffer, text: string, offset: number): number =>
  (out as LatinBuffer).latin1Write(text, offset);

/** About what a pseudo field's name adds to the list. */
const PSEUDO_NAME_BYTES = 7;
const SEMICOLON = 0x3b;
/** RFC 3986 §3.1. Envoy takes any and goes by the connection instead, as the proxy does. */
const SCHEME = /^[a-z][a-z0-9+.-]*$/;

const isWhiteSpace = (c: number | undefined): boolean => c === SP || c === TAB;

function growLines(head: Head): void {
  const { offsets, ids } = head;
  head.offsets = new Int32Array(offsets.length * 2);
  head.offsets.set(offsets);
  head.ids = new Uint8Array(ids.length * 2);
  head.ids.set(ids);
}

function isMethod(text: string): boolean {
  if (text === "GET" || text === "POST") return true;
  for (let i = 0; i < text.length; i++) if (((CHAR[text.charCodeAt(i)] as number) & METHOD) === 0) return false;
  return text.length > 0 && text.length <= 64;
}

const statusLines: (Buffer | undefined)[] = [];

function statusLine(status: number): Buffer {
  return (statusLines[status] ??= Buffer.from(`HTTP/1.1 ${status} ${reasonPhrase(status)}\r\n`));
}

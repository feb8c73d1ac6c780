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
import { CHAR, CR, LF, METHOD } from "../http1/chars.ts";
import { isForbiddenTrailer } from "../http1/body.ts";
import { BY_LENGTH, type Head, type HeadError, NO_BODY, UNTIL_CLOSE } from "../http1/head.ts";
import { latin1 } from "../http1/text.ts";
import { ID } from "../http1/known.ts";
import { reasonPhrase } from "../http1/reason-phrases.ts";
import { isHost, RequestHead } from "../http1/request-head.ts";
import { ResponseHead } from "../http1/response-head.ts";
import { Kind, NO_PROBLEM, PADDED, PROBLEMS } from "./field-kinds.ts";
import { HeadLines } from "./head-lines.ts";
import { LINE_EXTRA_BYTES } from "./line-table.ts";

export class HeadBuilder extends HeadLines {
  #request: RequestHead | undefined;
  #response: ResponseHead | undefined;
  #listBytes = 0;
  /** Bits of the pseudo fields that came. */
  #seen = 0;
  #hasRegular = false;
  #contentLength = -1;
  /** The last authority that was found good. */
  #goodHost = "";

  /** Starts on a section. Without a head it is read and dropped. */
  begin(head: Head | undefined): void {
    this.beginLines(head);
    this.#request = head instanceof RequestHead ? head : undefined;
    this.#response = head instanceof ResponseHead ? head : undefined;
    this.#listBytes = 0;
    this.#seen = 0;
    this.#hasRegular = false;
    this.#contentLength = -1;
    const request = this.#request;
    if (request === undefined) return;
    request.method = request.path = request.authority = request.scheme = request.protocol = "";
    request.isAbsolute = false;
  }

  /** Takes a pseudo field. */
  pseudo(kind: number, text: string, problem: number): void {
    const bit = 1 << kind;
    this.#listBytes += text.length + PSEUDO_NAME_BYTES;
    if (this.error !== undefined || this.head === undefined) return;
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
    const head = this.head;
    if (this.error !== undefined || head === undefined) return;
    if (this.#listBytes > this.limits.maxListBytes) return this.refuse(431, "a head with too many bytes");
    if (problem !== NO_PROBLEM && problem !== PADDED) return this.#refuse(problem);
    this.#hasRegular = true;
    const length = nameLength + valueLength + LINE_EXTRA_BYTES;
    if (buf !== this.out) {
      this.reserve(length);
      buf.copy(this.out, this.at, start, start + length);
    }
    if (this.#request === undefined && this.#response === undefined && this.#isForbiddenTrailer(nameLength)) return;
    if (problem === PADDED) this.#take(nameLength, this.trim(nameLength, valueLength), kind, id, neverIndexed);
    else if (kind === Kind.regular) this.line(nameLength, valueLength, id, neverIndexed);
    else this.#take(nameLength, valueLength, kind, id, neverIndexed);
  }

  #take(nameLength: number, valueLength: number, kind: number, id: number, neverIndexed: boolean): void {
    const head = this.head as Head;
    const valueStart = this.at + nameLength + 2;
    if (kind === Kind.cookie && this.#request !== undefined)
      return this.cookieLine(nameLength, valueLength, neverIndexed);
    if (kind === Kind.host && this.#request !== undefined) {
      // A host beside :authority says nothing new, or a lie.
      if (this.#seen & (1 << Kind.authority)) return;
      if (head.first[ID.host] !== 0) return this.refuse(400, "host is repeated");
      if (!this.#readHost(latin1(this.out, valueStart, valueStart + valueLength), this.#request)) return;
    }
    if (kind === Kind.contentLength && !this.#readLength(valueStart, valueStart + valueLength)) return;
    this.line(nameLength, valueLength, id, neverIndexed);
  }

  #isForbiddenTrailer(nameLength: number): boolean {
    // None begins with `g`, and most trailers are those of gRPC.
    if (this.out[this.at] === 0x67) return false;
    return isForbiddenTrailer(latin1(this.out, this.at, this.at + nameLength));
  }

  #authority(text: string, request: RequestHead): void {
    if (!this.#readHost(text, request)) return;
    // The line that HTTP/1.1 would have had.
    this.reserve(text.length + 8);
    const { out, at } = this;
    latin1Write(out, "host", at);
    latin1Write(out, text, at + 6);
    this.line(4, text.length, ID.host, false);
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
    return this.error === undefined;
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
    const head = this.head;
    if (head === undefined) return undefined;
    if (this.error === undefined && this.#listBytes > this.limits.maxListBytes)
      this.refuse(431, "a head with too many bytes");
    if (this.error === undefined) {
      if (this.#request !== undefined) this.#endRequest(this.#request);
      else if (this.#response !== undefined && this.#seen === 0) this.refuse(400, "an answer without :status");
    }
    if (this.error === undefined) this.#settleBody(head, endStream, isToHead);
    const error = this.error;
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
    if (isExtended && (method !== "CONNECT" || protocol === "" || !this.limits.allowConnect))
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
}

/** A Buffer has this; the types of Bun do not say so. */
type LatinBuffer = Buffer & { latin1Write(text: string, offset: number): number };

const latin1Write = (out: Buffer, text: string, offset: number): number =>
  (out as LatinBuffer).latin1Write(text, offset);

/** About what a pseudo field's name adds to the list. */
const PSEUDO_NAME_BYTES = 7;
/** RFC 3986 §3.1. Envoy takes any and goes by the connection instead, as the proxy does. */
const SCHEME = /^[a-z][a-z0-9+.-]*$/;

function isMethod(text: string): boolean {
  if (text === "GET" || text === "POST") return true;
  for (let i = 0; i < text.length; i++) if (((CHAR[text.charCodeAt(i)] as number) & METHOD) === 0) return false;
  return text.length > 0 && text.length <= 64;
}

const statusLines: (Buffer | undefined)[] = [];

function statusLine(status: number): Buffer {
  return (statusLines[status] ??= Buffer.from(`HTTP/1.1 ${status} ${reasonPhrase(status)}\r\n`));
}

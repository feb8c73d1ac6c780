/**
 * The head of a request (RFC 9112 §3): request line and headers.
 *
 * @module
 */
import { CHAR, CR, HOST, LF, SP, TARGET, TOKEN } from "./chars.ts";
import { BY_LENGTH, Head, INCOMPLETE, latin1, NO_BODY } from "./head.ts";
import { ID } from "./known.ts";

/** Empty lines before a request line that are forgiven (RFC 9112 §2.2 asks for one). */
const MAX_BLANK_LINES = 2;

export class RequestHead extends Head {
  method = "";
  /** Path with query, as it came; `*` for OPTIONS about the server; empty for CONNECT. */
  path = "";
  /** Of the target when it is in absolute form, else of the Host header. As it came. */
  authority = "";
  scheme = "http";
  /** The target was in absolute form: a client that knows it talks to a proxy. */
  isAbsolute = false;

  /**
   * Reads a head that starts at `start`. Returns the byte behind it, 0 when more bytes are needed,
   * -1 with `error` set when it is refused. `buf` must be a Buffer and stay unchanged while the head is used.
   */
  parse(buf: Uint8Array, start: number, end: number): number {
    this.buf = buf;
    let pos = start;
    while (pos + 1 < end && pos - start < MAX_BLANK_LINES * 2 && buf[pos] === CR && buf[pos + 1] === LF) pos += 2;
    this.start = pos;
    const lines = this.#parseRequestLine(buf, pos, end);
    if (lines <= 0) return lines;
    const behind = this.parseLines(buf, lines, end);
    if (behind <= 0) return behind;
    this.end = behind;
    if (!this.readFraming()) return -1;
    return this.#readAuthority() ? behind : -1;
  }

  #targetStart = 0;
  #targetEnd = 0;

  #parseRequestLine(buf: Uint8Array, start: number, end: number): number {
    let pos = start;
    while (pos < end && (CHAR[buf[pos] as number] as number) & TOKEN) pos++;
    if (pos >= end) return pos - start > 64 ? this.fail(400, "a method of more than 64 bytes") : INCOMPLETE;
    if (pos === start || buf[pos] !== SP) return this.fail(400, "the request line does not start with a method");
    this.method = methodOf(buf, start, pos);
    const targetStart = ++pos;
    while (pos < end && (CHAR[buf[pos] as number] as number) & TARGET) pos++;
    if (pos >= end) return INCOMPLETE;
    if (pos === targetStart || buf[pos] !== SP)
      return this.fail(400, "the request target is empty or has a forbidden character");
    this.#targetStart = targetStart;
    this.#targetEnd = pos++;
    return this.#parseVersion(buf, pos, end);
  }

  #parseVersion(buf: Uint8Array, pos: number, end: number): number {
    if (pos + 10 > end)
      return matchesSoFar(buf, pos, end) ? INCOMPLETE : this.fail(400, "the request line does not end with HTTP/1.1");
    const minor = buf[pos + 7] as number;
    if (!isHttp1(buf, pos) || (minor !== 0x31 && minor !== 0x30)) return this.#wrongVersion(buf, pos);
    if (buf[pos + 8] !== CR || buf[pos + 9] !== LF) return this.fail(400, "the request line does not end with CRLF");
    this.isVersion11 = minor === 0x31;
    return pos + 10;
  }

  #wrongVersion(buf: Uint8Array, pos: number): -1 {
    const version = latin1(buf, pos, pos + 8);
    return /^HTTP\/[0-9]\.[0-9]$/.test(version)
      ? this.fail(505, `version ${version}: this is HTTP/1.1`)
      : this.fail(400, "the request line does not end with HTTP/1.1");
  }

  /** Splits the target into scheme, authority and path (RFC 9112 §3.2). */
  #readAuthority(): boolean {
    const { buf } = this;
    const start = this.#targetStart;
    const end = this.#targetEnd;
    this.scheme = "http";
    this.isAbsolute = false;
    const host = this.first[ID.host] as number;
    if (host === 0 && this.isVersion11) return this.#refuse("no Host header");
    this.authority = host === 0 ? "" : this.value(host - 1);
    if (!isHost(this.authority)) return this.#refuse("the Host header is not a host");
    const c = buf[start];
    if (this.method === "CONNECT") return this.#authorityForm(latin1(buf, start, end));
    if (c === 0x2f) {
      this.path = latin1(buf, start, end);
      return true;
    }
    if (c === 0x2a && end - start === 1) {
      this.path = "*";
      return this.method === "OPTIONS" || this.#refuse("the target * with a method other than OPTIONS");
    }
    return this.#absoluteForm(latin1(buf, start, end));
  }

  #authorityForm(target: string): boolean {
    this.path = "";
    this.authority = target;
    return (target !== "" && isHost(target)) || this.#refuse("the target of CONNECT is not host:port");
  }

  #absoluteForm(target: string): boolean {
    const parts = /^(https?):\/\/([^/?]*)(.*)$/i.exec(target);
    const [, scheme, authority, rest] = parts ?? [];
    if (scheme === undefined || authority === undefined || rest === undefined || authority === "" || !isHost(authority))
      return this.#refuse("the request target is neither a path nor an http URL");
    this.scheme = scheme.toLowerCase();
    this.authority = authority;
    this.path = rest.startsWith("/") ? rest : `/${rest}`;
    this.isAbsolute = true;
    return true;
  }

  #refuse(reason: string): boolean {
    this.error = { status: 400, reason };
    return false;
  }

  /** A body may follow. */
  get hasBody(): boolean {
    return this.framing !== NO_BODY && !(this.framing === BY_LENGTH && this.contentLength === 0);
  }
}

function methodOf(buf: Uint8Array, start: number, end: number): string {
  if (end - start === 3 && buf[start] === 0x47 && buf[start + 1] === 0x45 && buf[start + 2] === 0x54) return "GET";
  if (
    end - start === 4 &&
    buf[start] === 0x50 &&
    buf[start + 1] === 0x4f &&
    buf[start + 2] === 0x53 &&
    buf[start + 3] === 0x54
  )
    return "POST";
  return latin1(buf, start, end);
}

const isHttp1 = (buf: Uint8Array, pos: number): boolean =>
  buf[pos] === 0x48 &&
  buf[pos + 1] === 0x54 &&
  buf[pos + 2] === 0x54 &&
  buf[pos + 3] === 0x50 &&
  buf[pos + 4] === 0x2f &&
  buf[pos + 5] === 0x31 &&
  buf[pos + 6] === 0x2e;

const VERSION_LINE = Buffer.from("HTTP/1.1\r\n");

/** Whether the few bytes that are there may still become `HTTP/1.x CRLF`. */
function matchesSoFar(buf: Uint8Array, pos: number, end: number): boolean {
  for (let i = pos; i < end; i++) {
    if (i - pos === 7 ? buf[i] !== 0x30 && buf[i] !== 0x31 : i - pos !== 5 && buf[i] !== VERSION_LINE[i - pos])
      return false;
  }
  return true;
}

/** Letters that a host may have, an IP literal's brackets, and at most one port of digits. Empty passes: HTTP/1.1 allows an empty Host. */
export function isHost(authority: string): boolean {
  let colon = -1;
  let bracket = -1;
  for (let i = 0; i < authority.length; i++) {
    const c = authority.charCodeAt(i);
    if (c > 255 || ((CHAR[c] as number) & HOST) === 0) return false;
    if (c === 0x5d) {
      bracket = i;
      colon = -1;
    } else if (c === 0x3a) {
      if (colon >= 0 && authority.charCodeAt(0) !== 0x5b) return false;
      colon = i;
    }
  }
  const literal = authority.charCodeAt(0) === 0x5b;
  if (literal !== bracket > 0 || (literal && bracket !== authority.length - 1 && colon !== bracket + 1)) return false;
  if (!literal && authority.includes("[")) return false;
  for (let i = colon + 1; colon >= 0 && i < authority.length; i++) {
    const digit = authority.charCodeAt(i) - 48;
    if (digit < 0 || digit > 9) return false;
  }
  return colon !== 0;
}

/**
 * The head of a request (RFC 9112 §3): request line and headers.
 *
 * @module
 */
import { CHAR, COLON, CR, HEX, HOST, LF, METHOD, SP, TARGET } from "./chars.ts";
import { BY_LENGTH, CHUNKED, Head, INCOMPLETE, NO_BODY } from "./head.ts";
import { ID } from "./known.ts";
import { latin1, spells, spellsLower } from "./text.ts";

/** Empty lines before a request line that are forgiven (RFC 9112 §2.2 asks for one). */
const MAX_BLANK_LINES = 2;
const MAX_METHOD_BYTES = 64;

export class RequestHead extends Head {
  /** Upper case: others are refused, as in Envoy. Methods that nobody registered pass, other than in Envoy. */
  method = "";
  /** Path with query, as it came; `*` for OPTIONS about the server; empty for CONNECT. */
  path = "";
  /** Of the target when it is in absolute form, else of the Host header. As it came; empty where there is no host. */
  authority = "";
  scheme = "http";
  /** The target was in absolute form: a client that knows it talks to a proxy. */
  isAbsolute = false;
  /** `:protocol` of an extended CONNECT (RFC 8441); empty where there is none, so always in HTTP/1. */
  protocol = "";
  /** See `RequestView` of the engine; whoever decides about the request settles it. */
  upgrade = "";
  #targetStart = 0;
  #targetEnd = 0;
  /** The last Host that was looked at and found good: most requests of a connection repeat it. */
  #goodHost = "";

  /**
   * Reads a head that starts at `start`. Returns the byte behind it, 0 when more bytes are needed,
   * -1 with `error` set when it is refused. `buf` must be a Buffer and stay unchanged while the head is used. After a 0
   * the next call brings the same bytes and more.
   */
  parse(buf: Uint8Array, start: number, end: number): number {
    if (this.isTooSoon(buf, start, end)) return INCOMPLETE;
    return this.tried(this.#parse(buf, start, end), start, end);
  }

  #parse(buf: Uint8Array, start: number, end: number): number {
    this.buf = buf;
    const first = behindBlankLines(buf, start, end);
    if (first < 0) return INCOMPLETE;
    this.start = first;
    const lines = this.#parseRequestLine(buf, first, end);
    if (lines <= 0) return lines;
    const behind = this.parseLines(buf, lines, end);
    if (behind <= 0) return behind;
    this.end = behind;
    return this.readFraming() && this.#readTarget() ? behind : -1;
  }

  #parseRequestLine(buf: Uint8Array, start: number, end: number): number {
    let pos = start;
    while (pos < end && (CHAR[buf[pos] as number] as number) & METHOD) pos++;
    if (pos - start > MAX_METHOD_BYTES) return this.fail(400, `a method of more than ${MAX_METHOD_BYTES} bytes`);
    if (pos >= end) return INCOMPLETE;
    if (pos === start || buf[pos] !== SP)
      return this.fail(400, "the request line does not start with a method in upper case");
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

  /** Other versions get the 505 of RFC 9110 §15.6.6; Envoy treats them as HTTP/1.0 and answers 426. */
  #parseVersion(buf: Uint8Array, pos: number, end: number): number {
    for (let i = 0; i < VERSION_LINE.length; i++) {
      if (pos + i >= end) return INCOMPLETE;
      const c = buf[pos + i] as number;
      if (i === 5 || i === 7 ? c < 0x30 || c > 0x39 : c !== VERSION_LINE[i])
        return this.fail(400, "the request line does not end with HTTP/1.1 and CRLF");
    }
    const major = buf[pos + 5];
    const minor = buf[pos + 7];
    if (major !== 0x31 || (minor !== 0x31 && minor !== 0x30))
      return this.fail(505, `version ${latin1(buf, pos, pos + 8)}: this is HTTP/1.1`);
    this.isVersion11 = minor === 0x31;
    return pos + VERSION_LINE.length;
  }

  /**
   * Splits the target into scheme, authority and path (RFC 9112 §3.2). A path and an empty Host make a URL without a
   * host, which is to be rejected (RFC 9110 §4.2.1); Envoy routes it.
   */
  #readTarget(): boolean {
    const { buf } = this;
    const start = this.#targetStart;
    const end = this.#targetEnd;
    this.scheme = "http";
    this.isAbsolute = false;
    if (!this.#readHost()) return false;
    if (this.method === "CONNECT") return this.#authorityForm(start, end);
    const c = buf[start];
    if (c === SLASH) {
      this.path = latin1(buf, start, end);
      return this.authority !== "" || !this.isVersion11 || this.refuse(400, "an empty Host header");
    }
    if (c !== 0x2a || end - start !== 1) return this.#absoluteForm(start, end);
    this.path = "*";
    return this.method === "OPTIONS" || this.refuse(400, "the target * with a method other than OPTIONS");
  }

  #readHost(): boolean {
    const line = this.first[ID.host] as number;
    if (line === 0) {
      this.authority = "";
      return !this.isVersion11 || this.refuse(400, "no Host header");
    }
    const o = (line - 1) * 5;
    return (
      this.#readAuthority(this.offsets[o + 2] as number, this.offsets[o + 3] as number) ||
      this.refuse(400, "the Host header is not a host")
    );
  }

  #readAuthority(start: number, end: number): boolean {
    const good = this.#goodHost;
    if (end - start === good.length && spells(this.buf, start, good)) {
      this.authority = good;
      return true;
    }
    const authority = latin1(this.buf, start, end);
    this.authority = authority;
    if (!isHost(authority)) return false;
    this.#goodHost = authority;
    return true;
  }

  #authorityForm(start: number, end: number): boolean {
    this.path = "";
    // RFC 9110 §9.3.6: what follows belongs to the tunnel. As Envoy.
    if (this.framing === CHUNKED) return this.refuse(501, "CONNECT with a transfer coding");
    if (this.framing === BY_LENGTH && this.contentLength > 0) return this.refuse(400, "CONNECT with a body");
    this.framing = NO_BODY;
    if (!this.#readAuthority(start, end) || !/:[0-9]+$/.test(this.authority))
      return this.refuse(400, "the target of CONNECT is not host:port");
    return true;
  }

  /** An empty path becomes `/`, with OPTIONS as well: so does Envoy, where RFC 9112 §3.2.4 would have `*`. */
  #absoluteForm(start: number, end: number): boolean {
    const { buf } = this;
    const isHttps = (buf[start + 4] as number) !== COLON;
    let pos = start + (isHttps ? 8 : 7);
    const authority = pos;
    while (pos < end && buf[pos] !== SLASH && buf[pos] !== QUESTION) pos++;
    if (
      pos === authority ||
      !spellsLower(buf, start, isHttps ? "https://" : "http://") ||
      !this.#readAuthority(authority, pos)
    )
      return this.refuse(400, "the request target is neither a path nor an http URL");
    const rest = latin1(buf, pos, end);
    this.path = rest.startsWith("/") ? rest : `/${rest}`;
    this.scheme = isHttps ? "https" : "http";
    this.isAbsolute = true;
    return true;
  }

  /** A body may follow. */
  get hasBody(): boolean {
    return this.framing !== NO_BODY && !(this.framing === BY_LENGTH && this.contentLength === 0);
  }
}

const SLASH = 0x2f;
const QUESTION = 0x3f;
const VERSION_LINE = Buffer.from("HTTP/1.1\r\n");

/** The first byte behind the blank lines that are forgiven; -1 while it cannot be told. */
function behindBlankLines(buf: Uint8Array, start: number, end: number): number {
  let pos = start;
  for (let lines = 0; lines < MAX_BLANK_LINES && pos < end && buf[pos] === CR; lines++) {
    if (pos + 1 >= end) return -1;
    if (buf[pos + 1] !== LF) break;
    pos += 2;
  }
  return pos;
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

/**
 * `host [ ":" port ]` (RFC 3986 §3.2.2): letters that a name may have, or an IPv6 literal in brackets, and at most one
 * port up to 65535. Empty passes, since HTTP/1.1 allows an empty Host. Escapes pass only above ASCII: `%2f` is a slash
 * and `%61` an `a` to those who decode, and something else to those who do not.
 */
export function isHost(authority: string): boolean {
  const isLiteral = authority.charCodeAt(0) === 0x5b;
  const hostEnd = isLiteral ? literalEnd(authority) : nameEnd(authority);
  if (hostEnd < 0) return false;
  if (hostEnd === authority.length) return true;
  return hostEnd > 0 && isPort(authority, hostEnd);
}

/** Behind the bracket of an IPv6 literal, without a zone. */
function literalEnd(authority: string): number {
  const close = authority.indexOf("]");
  if (close < 3) return -1;
  for (let i = 1; i < close; i++) {
    const c = authority.charCodeAt(i);
    if (c > 255 || (c !== COLON && c !== 0x2e && ((CHAR[c] as number) & HEX) === 0)) return -1;
  }
  return close + 1;
}

/** Where a name ends: at the colon, or at the end. */
function nameEnd(authority: string): number {
  for (let i = 0; i < authority.length; i++) {
    const c = authority.charCodeAt(i);
    if (c === COLON) return i;
    if (c > 255 || ((CHAR[c] as number) & HOST) === 0) return -1;
    if (c === 0x25 && !/^[89a-f][0-9a-f]$/i.test(authority.slice(i + 1, i + 3))) return -1;
  }
  return authority.length;
}

/** `:` and digits. The digits may be missing (RFC 3986 §3.2.3). */
function isPort(authority: string, colon: number): boolean {
  if (authority.charCodeAt(colon) !== COLON || authority.length - colon > 6) return false;
  let port = 0;
  for (let i = colon + 1; i < authority.length; i++) {
    const digit = authority.charCodeAt(i) - 48;
    if (digit < 0 || digit > 9) return false;
    port = port * 10 + digit;
  }
  return port <= 65_535;
}

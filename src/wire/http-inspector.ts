/**
 * Which HTTP the first bytes of a connection are, if any.
 *
 * Source: what Envoy's `http_inspector` listener filter makes of them (`http/1.0`, `http/1.1` and `h2c` are its names):
 * the HTTP/2 preface (RFC 9113 §3.4), or a request line (RFC 9112 §3): a method that is a token, a target, and a version.
 *
 * Differs: a line that is none is told as soon as its first bytes cannot be a method, so that another protocol does not
 * wait for a line's end. Envoy's parser says so at about the same byte.
 *
 * @module
 */

export type HttpProtocol = "http/1.0" | "http/1.1" | "h2c";

export type HttpInspection =
  | { readonly t: "http"; readonly protocol: HttpProtocol }
  | { readonly t: "incomplete" }
  | { readonly t: "notHttp" };

/** A line that is not complete by then has no end: longer ones are not waited for. */
export const MAX_INSPECTED_BYTES = 64 * 1024;

const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");
const LINE_FEED = 10;
const CARRIAGE_RETURN = 13;
const SPACE = 32;
const INCOMPLETE: HttpInspection = { t: "incomplete" };
const NOT_HTTP: HttpInspection = { t: "notHttp" };
const VERSION = /^HTTP\/(\d)\.(\d)$/;

/** Characters of a method (RFC 9110 §5.6.2). */
const TOKEN = new Uint8Array(256);
for (const char of "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
  TOKEN[char.charCodeAt(0)] = 1;

/** Looks at the first bytes of a connection. All that came so far must be given each time. */
export function inspectHttp(bytes: Uint8Array): HttpInspection {
  if (bytes.length === 0) return INCOMPLETE;
  if (beginsPreface(bytes)) return bytes.length < PREFACE.length ? INCOMPLETE : { t: "http", protocol: "h2c" };
  const methodEnd = endOfMethod(bytes);
  if (methodEnd === undefined) return NOT_HTTP;
  const end = bytes.indexOf(LINE_FEED, methodEnd);
  if (end < 0) return bytes.length < MAX_INSPECTED_BYTES ? INCOMPLETE : NOT_HTTP;
  return requestLine(Buffer.from(bytes.buffer, bytes.byteOffset, end), methodEnd);
}

function beginsPreface(bytes: Uint8Array): boolean {
  const length = Math.min(bytes.length, PREFACE.length);
  for (let i = 0; i < length; i++) if (bytes[i] !== PREFACE[i]) return false;
  return true;
}

/** Where the method ends, or the bytes while it has not; undefined when they are no method. */
function endOfMethod(bytes: Uint8Array): number | undefined {
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i] as number;
    if (byte === SPACE && i > 0) return i;
    if (TOKEN[byte] === 0) return undefined;
  }
  return bytes.length;
}

/** @param line Without its end. */
function requestLine(line: Buffer, methodEnd: number): HttpInspection {
  const end = line.at(-1) === CARRIAGE_RETURN ? line.length - 1 : line.length;
  const versionStart = line.lastIndexOf(SPACE, end - 1);
  if (versionStart <= methodEnd + 1) return NOT_HTTP;
  const version = VERSION.exec(line.toString("latin1", versionStart + 1, end));
  if (version === null) return NOT_HTTP;
  return { t: "http", protocol: version[1] === "1" && version[2] === "1" ? "http/1.1" : "http/1.0" };
}

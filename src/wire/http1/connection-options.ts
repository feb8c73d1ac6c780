/**
 * The value of Connection (RFC 9110 §7.6.1): whether the connection stays, and which headers belong to it alone.
 *
 * As Envoy: more than ten named headers, or the naming of a header that says who sent the request, is refused. Unlike
 * Envoy, which takes any other named header away, the end-to-end headers in {@link PROTECTED} stay: a client must not
 * be able to have a credential removed behind the proxy that checked it.
 *
 * @module
 */
import { spells } from "./text.ts";

export interface ConnectionOptions {
  readonly close: boolean;
  readonly keepAlive: boolean;
  /** Lower-case names of headers that must not be passed on. */
  readonly names: readonly string[];
}

/** Envoy's limit. Every name is compared with every line, so there has to be one. */
const MAX_NAMES = 10;
/** Empty elements and repeated options are allowed (RFC 9110 §5.6.1), a flood of them is not. */
const MAX_ELEMENTS = 32;

/** Naming these is an attack on whoever reads the message next. */
const REFUSED: ReadonlySet<string> = new Set(["host", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto"]);

/** Naming these would change how the message is read, routed, authorized or followed. */
const PROTECTED: ReadonlySet<string> = new Set([
  "content-length",
  "transfer-encoding",
  "content-type",
  "content-encoding",
  "content-range",
  "cache-control",
  "authorization",
  "cookie",
  "set-cookie",
  "forwarded",
  "x-request-id",
  "x-forwarded-client-cert",
  "traceparent",
  "tracestate",
]);

const KEEP_ALIVE = "keep-alive";
const CLOSE = "close";
const KEPT: ConnectionOptions = { close: false, keepAlive: true, names: [] };
const CLOSED: ConnectionOptions = { close: true, keepAlive: false, names: [] };

/** What `buf[start, end)` says, where it is one of the two words that nearly all messages have. */
export function usualOptions(buf: Uint8Array, start: number, end: number): ConnectionOptions | undefined {
  const length = end - start;
  if (length === KEEP_ALIVE.length && spells(buf, start, KEEP_ALIVE)) return KEPT;
  return length === CLOSE.length && spells(buf, start, CLOSE) ? CLOSED : undefined;
}

/** Reads the joined value of all Connection lines; a string says what is wrong with it. */
export function connectionOptions(value: string): ConnectionOptions | string {
  let close = false;
  let keepAlive = false;
  const names: string[] = [];
  const elements = value.toLowerCase().split(",", MAX_ELEMENTS + 1);
  if (elements.length > MAX_ELEMENTS) return `Connection has more than ${MAX_ELEMENTS} options`;
  for (const element of elements) {
    const option = withoutWhiteSpace(element);
    if (option === "close") close = true;
    else if (option === "keep-alive") keepAlive = true;
    else if (REFUSED.has(option)) return `Connection names ${option}`;
    else if (option !== "" && !PROTECTED.has(option) && names.push(option) > MAX_NAMES)
      return `Connection names more than ${MAX_NAMES} headers`;
  }
  return { close, keepAlive, names };
}

/** Space and tab only: `trim()` takes a byte 0xA0 as well, which is part of the name to other parsers. */
function withoutWhiteSpace(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isWhiteSpace(text.charCodeAt(start))) start++;
  while (end > start && isWhiteSpace(text.charCodeAt(end - 1))) end--;
  return text.slice(start, end);
}

const isWhiteSpace = (c: number): boolean => c === 0x20 || c === 0x09;

/**
 * A second reading of RFC 9112, written from its grammar with regular expressions over whole texts: slow, strict, and
 * made without a look at the codec. Whatever the codec takes must be taken here, and mean the same.
 *
 * @module
 */

const TOKEN = "[A-Za-z0-9!#$%&'*+.^_`|~-]+";
const TEXT = "[\\t\\x20-\\x7e\\x80-\\xff]";
const REQUEST_LINE = /^([A-Z0-9!#$%&'*+.^_`|~-]{1,64}) ([!"$-~]+) HTTP\/1\.([01])$/;
const STATUS_LINE = new RegExp(`^HTTP/1\\.([01]) ([1-9][0-9]{2})(?: ${TEXT}*)?$`);
const FIELD_LINE = new RegExp(`^(${TOKEN}):(${TEXT}*)$`);
const NAME = String.raw`(?:[A-Za-z0-9._~!$&'()*+;=-]|%[89A-Fa-f][0-9A-Fa-f])*`;
const HOST = new RegExp(String.raw`^(?:\[[0-9A-Fa-f:.]{2,}\](?::(\d{0,5}))?|${NAME}|${NAME.slice(0, -1)}+:(\d{0,5}))$`);
const URL_FORM = /^(https?):\/\/([^/?]+)([/?].*)?$/i;
const MAX_LINES = 100;

export interface TwinHead {
  /** Length of the text that is the head, with blank lines before it. */
  readonly end: number;
  readonly start: readonly string[];
  readonly lines: readonly (readonly [name: string, value: string])[];
  readonly keepAlive: boolean;
  /** `none`, `chunked`, `close`, or a number of bytes. */
  readonly body: string;
  /** Indexes of lines that belong to the connection. */
  readonly hops: readonly number[];
}

/** `more`: there is no empty line yet. */
export type TwinResult = TwinHead | "refused" | "more";

/** `start` is method, scheme, authority and path. */
export function twinRequest(text: string): TwinResult {
  const blank = /^(?:\r\n){0,2}/.exec(text)?.[0].length ?? 0;
  const split = splitHead(text.slice(blank));
  if (typeof split === "string") return split;
  const [, method = "", target = "", minor = ""] = REQUEST_LINE.exec(split.first) ?? [];
  if (minor === "") return "refused";
  const common = readFields(split.lines, minor);
  const hosts = split.lines.filter(([name]) => name.toLowerCase() === "host").map(([, value]) => value);
  if (common === "refused" || hosts.length > 1 || (minor === "1" && hosts.length === 0)) return "refused";
  const host = hosts[0] ?? "";
  const parts = isAuthority(host) ? targetParts(method, target, host) : undefined;
  if (parts === undefined || (target.startsWith("/") && host === "" && minor === "1")) return "refused";
  const head = { end: blank + split.length, start: [method, ...parts], lines: split.lines, ...common };
  if (method !== "CONNECT") return head;
  return common.body === "none" || common.body === "0" ? { ...head, body: "none" } : "refused";
}

/** `start` is the status. */
export function twinResponse(text: string, isToHead: boolean): TwinResult {
  const split = splitHead(text);
  if (typeof split === "string") return split;
  const [, minor = "", digits = ""] = STATUS_LINE.exec(split.first) ?? [];
  if (minor === "") return "refused";
  const common = readFields(split.lines, minor);
  if (common === "refused") return "refused";
  const head: TwinHead = { end: split.length, start: [digits], lines: split.lines, ...common };
  if (digits.startsWith("1") || digits === "204") {
    if (common.body !== "none" && common.body !== "0") return "refused";
    const lengths = split.lines.flatMap(([name], i) => (name.toLowerCase() === "content-length" ? [i] : []));
    return { ...head, body: "none", hops: [...common.hops, ...lengths].sort((a, b) => a - b) };
  }
  if (isToHead || digits === "304") return { ...head, body: "none" };
  return common.body === "none" ? { ...head, body: "close", keepAlive: false } : head;
}

interface Split {
  readonly first: string;
  readonly lines: readonly (readonly [name: string, value: string])[];
  readonly length: number;
}

function splitHead(text: string): Split | "refused" | "more" {
  const end = text.indexOf("\r\n\r\n");
  if (end < 0) return "more";
  const [first = "", ...rest] = text.slice(0, end).split("\r\n");
  if (rest.length > MAX_LINES) return "refused";
  const lines: (readonly [string, string])[] = [];
  for (const line of rest) {
    const [, name, value] = FIELD_LINE.exec(line) ?? [];
    if (name === undefined || value === undefined) return "refused";
    lines.push([name, value.replace(/^[ \t]+/, "").replace(/[ \t]+$/, "")]);
  }
  return { first, lines, length: end + 4 };
}

function isAuthority(authority: string): boolean {
  const match = HOST.exec(authority);
  return match !== null && Number(match[1] ?? match[2] ?? 0) <= 65_535;
}

function targetParts(method: string, target: string, host: string): readonly string[] | undefined {
  if (method === "CONNECT") return /:\d+$/.test(target) && isAuthority(target) ? ["http", target, ""] : undefined;
  if (target.startsWith("/")) return ["http", host, target];
  if (target === "*") return method === "OPTIONS" ? ["http", host, "*"] : undefined;
  const [, scheme, authority = "", rest = ""] = URL_FORM.exec(target) ?? [];
  if (scheme === undefined || !isAuthority(authority)) return undefined;
  return [scheme.toLowerCase(), authority, rest.startsWith("/") ? rest : `/${rest}`];
}

const HOPS = ["connection", "keep-alive", "proxy-connection", "te", "upgrade"];
const STAY = ["content-length", "transfer-encoding", "content-type", "content-encoding", "content-range"].concat(
  ["cache-control", "authorization", "cookie", "set-cookie", "forwarded", "x-request-id", "x-forwarded-client-cert"],
  ["traceparent", "tracestate"],
);
const NEVER_NAMED = /^(host|x-forwarded-(for|host|proto))$/;

function readFields(lines: Split["lines"], minor: string): Pick<TwinHead, "keepAlive" | "body" | "hops"> | "refused" {
  const all = (wanted: string): string[] =>
    lines.filter(([name]) => name.toLowerCase() === wanted).map(([, value]) => value);
  const lengths = all("content-length");
  const codings = all("transfer-encoding");
  if (all("host").length > 1 || lengths.length + codings.length > 1) return "refused";
  if (lengths.some((value) => !/^(0|[1-9]\d{0,14})$/.test(value))) return "refused";
  if (codings.some((value) => !/^chunked$/i.test(value) || minor === "0")) return "refused";
  const elements = all("connection").join(",").split(",");
  const options = elements.map((option) => option.replace(/^[ \t]+|[ \t]+$/g, "").toLowerCase());
  const named = options.filter((o) => o !== "" && o !== "close" && o !== "keep-alive" && !STAY.includes(o));
  if (elements.length > 32 || named.length > 10 || named.some((name) => NEVER_NAMED.test(name))) return "refused";
  const goes = [...HOPS, ...named];
  return {
    keepAlive: !options.includes("close") && (minor === "1" || options.includes("keep-alive")),
    body: codings.length > 0 ? "chunked" : (lengths[0] ?? "none"),
    hops: lines.flatMap(([name], i) => (goes.includes(name.toLowerCase()) ? [i] : [])),
  };
}

const SPACE = "[ \\t]*";
const QUOTED = `"(?:[\\t\\x20!\\x23-\\x5b\\x5d-\\x7e\\x80-\\xff]|\\\\${TEXT})*"`;
const EXTENSION = `(?:${SPACE};${SPACE}${TOKEN}(?:${SPACE}=${SPACE}(?:${TOKEN}|${QUOTED}))?)*${SPACE}`;
const SIZE_LINE = new RegExp(`([0-9A-Fa-f]{1,12})(${EXTENSION})\\r\\n`, "y");
const TRAILERS = new RegExp(`((?:${TOKEN}:${TEXT}*\\r\\n)*)\\r\\n`, "y");
const IN_HEAD = new RegExp(
  "^(host|content-(length|encoding|type|range)|transfer-encoding|connection|keep-alive|upgrade|te|trailer|expect|" +
    "(proxy-)?authorization|(set-)?cookie|forwarded|x-(forwarded|envoy|tulle)-.*):",
  "im",
);

/** Length and data of a whole chunked body at the begin of `text`; undefined when there is none. */
export function twinChunked(text: string): { readonly end: number; readonly data: string } | undefined {
  let data = "";
  for (let at = 0; ; ) {
    SIZE_LINE.lastIndex = at;
    const line = SIZE_LINE.exec(text);
    if (line === null || (line[2] ?? "").length > 1024) return undefined;
    at = SIZE_LINE.lastIndex;
    const size = Number.parseInt(line[1] ?? "", 16);
    if (size === 0) {
      TRAILERS.lastIndex = at;
      const trailers = TRAILERS.exec(text);
      if (trailers === null || trailers[0].length > 8192 || IN_HEAD.test(trailers[1] ?? "")) return undefined;
      return { end: TRAILERS.lastIndex, data };
    }
    if (text.slice(at + size, at + size + 2) !== "\r\n") return undefined;
    data += text.slice(at, at + size);
    at += size + 2;
  }
}

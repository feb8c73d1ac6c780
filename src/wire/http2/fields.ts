/**
 * What a field section must look like to be HTTP, RFC 9113 §8.2 and §8.3. A message that is not is malformed
 * and ends its stream: passing it on is how requests get smuggled.
 *
 * @module
 */
import type { Fields } from "./hpack-decoder.ts";

export type Section = "request" | "response" | "trailers";

/** What the session itself needs to know of a section. */
export interface SectionFacts {
  /** `:status` of a response, else 0. */
  readonly status: number;
  /** `:method` of a request, else empty. */
  readonly method: string;
  /** Undefined when there is no content-length. */
  readonly contentLength: number | undefined;
}

/** Fields of HTTP/1.1 connections, RFC 9113 §8.2.2. */
const CONNECTION_FIELDS: ReadonlySet<string> = new Set([
  "connection",
  "proxy-connection",
  "keep-alive",
  "transfer-encoding",
  "upgrade",
]);

/** RFC 9110 §5.6.2 without upper case, RFC 9113 §8.2.1. */
const NAME = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/;
const BAD_VALUE = /[\0\r\n]|^[ \t]|[ \t]$/;

/** Returns what is known of a section, or what is wrong with it. */
export function inspectSection(section: Section, fields: Fields): SectionFacts | string {
  const pseudo = new Map<string, string>();
  let contentLength: number | undefined;
  let regular = false;
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i]!;
    const value = fields[i + 1]!;
    if (BAD_VALUE.test(value)) return `the value of ${name} has a forbidden character`;
    if (name.startsWith(":")) {
      if (regular) return `${name} comes after a regular field`;
      if (pseudo.has(name)) return `${name} comes twice`;
      pseudo.set(name, value);
      continue;
    }
    regular = true;
    const problem = regularProblem(name, value);
    if (problem !== undefined) return problem;
    if (name !== "content-length") continue;
    const length = /^\d{1,15}$/.test(value) ? Number(value) : -1;
    if (length < 0 || (contentLength ?? length) !== length) return "content-length must be one number";
    contentLength = length;
  }
  const problem = pseudoProblem(section, pseudo);
  if (problem !== undefined) return problem;
  return { status: Number(pseudo.get(":status") ?? 0), method: pseudo.get(":method") ?? "", contentLength };
}

function regularProblem(name: string, value: string): string | undefined {
  if (!NAME.test(name)) return `${JSON.stringify(name)} is not a field name in lower case`;
  if (CONNECTION_FIELDS.has(name)) return `${name} belongs to HTTP/1.1 connections`;
  if (name === "te" && value !== "trailers") return "te may only be trailers";
  return undefined;
}

function pseudoProblem(section: Section, pseudo: ReadonlyMap<string, string>): string | undefined {
  switch (section) {
    case "request":
      return requestProblem(pseudo);
    case "response": {
      const status = pseudo.get(":status") ?? "";
      if (pseudo.size !== 1 || !/^[1-9]\d\d$/.test(status))
        return "a response must have :status and no other pseudo field";
      return status === "101" ? "101 does not exist in HTTP/2" : undefined;
    }
    case "trailers":
      return pseudo.size > 0 ? "trailers must have no pseudo field" : undefined;
  }
}

const REQUEST_PSEUDO: ReadonlySet<string> = new Set([":method", ":scheme", ":path", ":authority"]);

function requestProblem(pseudo: ReadonlyMap<string, string>): string | undefined {
  for (const name of pseudo.keys()) if (!REQUEST_PSEUDO.has(name)) return `${name} is not defined for requests`;
  const method = pseudo.get(":method") ?? "";
  if (!/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(method)) return "a request must have a :method";
  const path = pseudo.get(":path");
  if (method === "CONNECT") {
    const bare = path === undefined && !pseudo.has(":scheme") && (pseudo.get(":authority") ?? "") !== "";
    return bare ? undefined : "CONNECT must have :authority, and neither :scheme nor :path";
  }
  if ((pseudo.get(":scheme") ?? "") === "") return "a request must have a :scheme";
  if (path === undefined || !(path.startsWith("/") || (path === "*" && method === "OPTIONS")))
    return "a request must have a :path that begins with /";
  return undefined;
}

/** The value of the first field called `name`. */
export function fieldValue(fields: Fields, name: string): string | undefined {
  for (let i = 0; i < fields.length; i += 2) if (fields[i] === name) return fields[i + 1];
  return undefined;
}

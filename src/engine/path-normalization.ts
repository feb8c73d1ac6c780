/**
 * Brings paths to one form before anything is decided by them, so that a rule on `/admin` cannot be passed by
 * `/x/../admin`.
 *
 * Source: `normalize_path`, `merge_slashes` and `path_with_escaped_slashes_action` of Envoy's connection manager, in its
 * order: escaped slashes, then dot segments and percent-encoding (RFC 3986 section 6.2.2), then doubled slashes. The
 * query is left alone. A path with a fragment is refused whatever the settings, as Envoy does.
 *
 * @module
 */
import { pathOnly } from "./request.ts";

export interface NormalizationSettings {
  readonly normalizePath: boolean;
  readonly mergeSlashes: boolean;
  readonly escapedSlashes: "keep" | "reject" | "redirect" | "forward";
}

/** A path to go on with, or what to answer instead. */
export type NormalizedPath =
  | { readonly t: "path"; readonly path: string }
  /** 400: the path cannot be normalized or may not be as it is. */
  | { readonly t: "reject" }
  /** 307 to the normalized path. */
  | { readonly t: "redirect"; readonly location: string };

/**
 * Returns the path itself, the same string, when there is nothing to do: then nothing is allocated. Paths of requests
 * without one (`*`) pass.
 */
export type PathNormalizer = (path: string) => string | Exclude<NormalizedPath, { t: "path" }>;

const REJECT = { t: "reject" } as const;

export function compileNormalization(settings: NormalizationSettings): PathNormalizer {
  const { normalizePath, mergeSlashes, escapedSlashes } = settings;
  const needed = suspect(settings);
  return (path) => {
    if (path.includes("#")) return REJECT;
    if (needed === undefined || !needed.test(path)) return path;
    const before = pathOnly(path);
    let now = escapedSlashes === "keep" ? before : unescapeSlashes(before);
    const wasEscaped = now !== before;
    if (wasEscaped && escapedSlashes === "reject") return REJECT;
    if (normalizePath && before.startsWith("/")) {
      const canonical = canonicalPath(now);
      if (canonical === undefined) return REJECT;
      now = canonical;
    }
    if (mergeSlashes) now = mergeSlashesOf(now);
    const whole = now === before ? path : now + path.slice(before.length);
    return wasEscaped && escapedSlashes === "redirect" ? { t: "redirect", location: whole } : whole;
  };
}

/** Matches every path that may change; most match nothing and are done. Undefined when none can. */
function suspect({ normalizePath, mergeSlashes, escapedSlashes }: NormalizationSettings): RegExp | undefined {
  const patterns: string[] = [];
  if (escapedSlashes !== "keep") patterns.push("%(?:2[fF]|5[cC])");
  // A dot segment begins behind a slash; besides it, what is not allowed as it is or may be written plainer.
  if (normalizePath) patterns.push(String.raw`/\.`, String.raw`[%\\"<>^\x60{|}]`, String.raw`[^\x21-\x7e]`);
  if (mergeSlashes) patterns.push("//");
  return patterns.length === 0 ? undefined : new RegExp(patterns.join("|"));
}

const unescapeSlashes = (path: string): string => path.replace(/%2f/gi, "/").replace(/%5c/gi, "\\");

/** As Envoy, whose result for nothing but slashes keeps the first and the last. */
function mergeSlashesOf(path: string): string {
  if (!path.includes("//")) return path;
  const middle = path.split("/").filter((segment) => segment !== "");
  return `${path.startsWith("/") ? "/" : ""}${middle.join("/")}${path.endsWith("/") ? "/" : ""}`;
}

/**
 * Resolves dot segments (also `%2e`), makes backslashes slashes, decodes what needs no encoding and encodes what does.
 * Undefined for an encoded NUL.
 */
function canonicalPath(path: string): string | undefined {
  const segments: string[] = [];
  const parts = path.slice(1).replaceAll("\\", "/").split("/");
  for (const [i, part] of parts.entries()) {
    const isLast = i === parts.length - 1;
    const segment = canonicalSegment(part);
    if (segment === undefined) return undefined;
    if (segment === "..") segments.pop();
    if (segment !== "." && segment !== "..") segments.push(segment);
    else if (isLast) segments.push("");
  }
  return `/${segments.join("/")}`;
}

const UNRESERVED = /[0-9A-Za-z._~-]/;
const TO_CHANGE = /%[0-9a-fA-F]{2}|["<>^\x60{|}]|[^\x21-\x7e]/g;

function canonicalSegment(segment: string): string | undefined {
  if (/%00/.test(segment)) return undefined;
  return segment.replace(TO_CHANGE, (found) => {
    if (found.length === 1) return percentEncoded(found);
    const char = String.fromCharCode(Number.parseInt(found.slice(1), 16));
    return UNRESERVED.test(char) ? char : found;
  });
}

const percentEncoded = (char: string): string =>
  `%${(char.charCodeAt(0) & 0xff).toString(16).toUpperCase().padStart(2, "0")}`;

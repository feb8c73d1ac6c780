/**
 * `envoy.config.route.v3.HeaderMatcher`, compiled. As there, a header that is missing never matches a value, inverted
 * or not, unless `treat_missing_header_as_empty` is set. Of several lines each is looked at, and one that matches is
 * enough, as in Envoy 1.40: joined to one value, a line in front would hide what a rule denies.
 *
 * @module
 */
import type { HeaderMatcher } from "../../xds/proto/route-match.ts";
import { CompileError, fieldPath, refuseOthers } from "../compile-error.ts";
import type { RequestView } from "../request.ts";
import { quoted } from "../trace.ts";
import type { Check, ValueKey } from "./check.ts";
import { compileRegex } from "./regex.ts";
import { compileStringMatcher, type StringCheck } from "./string-matcher.ts";

const KNOWN = new Set([
  "name",
  "exactMatch",
  "rangeMatch",
  "presentMatch",
  "prefixMatch",
  "suffixMatch",
  "safeRegexMatch",
  "containsMatch",
  "stringMatch",
  "invertMatch",
  "treatMissingHeaderAsEmpty",
]);

/** @throws {CompileError} */
export function compileHeaderMatcher(matcher: HeaderMatcher, path: string): Check {
  refuseOthers(matcher, path, KNOWN);
  const name = (matcher.name ?? "").toLowerCase();
  if (name === "") throw new CompileError(`${path}.name`, "must not be empty");
  const read = headerReader(name);
  const value = valueCheck(matcher, path);
  return value === undefined ? presence(matcher, name, read) : valued(matcher, name, read, value);
}

/** @throws {CompileError} */
export function compileHeaderMatchers(matchers: readonly HeaderMatcher[] | undefined, path: string): readonly Check[] {
  return (matchers ?? []).map((matcher, i) => compileHeaderMatcher(matcher, `${path}[${i}]`));
}

/** A header or pseudo-header of a request; `host` is the authority. */
export function headerReader(lowerName: string): (request: RequestView) => string | undefined {
  switch (lowerName) {
    case ":method":
      return (request) => request.method;
    case ":path":
      return (request) => request.path;
    case ":authority":
    case "host":
      return (request) => request.authority;
    case ":scheme":
      return (request) => request.scheme;
    default:
      return (request) => request.header(lowerName);
  }
}

type Read = (request: RequestView) => string | undefined;

function presence({ presentMatch, invertMatch }: HeaderMatcher, name: string, read: Read): Check {
  const wanted = (presentMatch ?? true) !== (invertMatch ?? false);
  return {
    test: (request) => (read(request) !== undefined) === wanted,
    explain: (request) => `header ${name}: wanted ${wanted ? "any value" : "none"}, found ${quoted(read(request))}`,
  };
}

function valued(matcher: HeaderMatcher, name: string, read: Read, { test, wanted, only }: StringCheck): Check {
  const invert = matcher.invertMatch ?? false;
  const explain: Check["explain"] = (request) =>
    `header ${name}: wanted ${invert ? "not " : ""}${wanted}, found ${quoted(read(request))}`;
  const missing = matcher.treatMissingHeaderAsEmpty === true ? test("") !== invert : false;
  const isPseudo = isPseudoHeader(name);
  if (only !== undefined && !invert && !missing)
    return { test: isExactly(name, only, read), explain, key: valueKey(name, only, read) };
  return {
    explain,
    test: (request) => {
      const value = read(request);
      if (value === undefined) return missing;
      return (isPseudo ? test(value) : anyLine(request, name, value, test)) !== invert;
    },
  };
}

const isPseudoHeader = (name: string): boolean => name.startsWith(":") || name === "host";

/** @param value All lines, joined. */
function anyLine(request: RequestView, name: string, value: string, test: (line: string) => boolean): boolean {
  if (!value.includes(",")) return test(value);
  const lines = request.headerLines?.(name) ?? [];
  return lines.length > 1 ? lines.some(test) : test(value);
}

function valueKey(name: string, value: string, read: Read): ValueKey {
  return { name: `header ${name}`, value, read: isPseudoHeader(name) ? read : (request) => lines(request, name) };
}

function lines(request: RequestView, name: string): string | readonly string[] | undefined {
  const value = request.header(name);
  if (value?.includes(",") !== true) return value;
  const found = request.headerLines?.(name) ?? [];
  return found.length > 1 ? found : value;
}

/** The commonest matchers, with no call between. */
function isExactly(name: string, wanted: string, read: Read): Check["test"] {
  if (name === ":method") return (request) => request.method === wanted;
  if (isPseudoHeader(name)) return (request) => read(request) === wanted;
  const hasComma = wanted.includes(",");
  const equals = (line: string): boolean => line === wanted;
  return (request) => {
    const value = request.header(name);
    if (value === undefined) return false;
    if (value === wanted && !hasComma) return true;
    return value.length >= wanted.length && anyLine(request, name, value, equals);
  };
}

/** Undefined when only the presence counts. */
function valueCheck(matcher: HeaderMatcher, path: string): StringCheck | undefined {
  const { exactMatch: exact, prefixMatch: prefix, suffixMatch: suffix, containsMatch: contains } = matcher;
  const { stringMatch, safeRegexMatch, rangeMatch } = matcher;
  if (stringMatch !== undefined) return compileStringMatcher(stringMatch, fieldPath(path, "stringMatch"));
  if (safeRegexMatch !== undefined) {
    const test = compileRegex(safeRegexMatch, fieldPath(path, "safeRegexMatch"));
    return { test, wanted: `regex ${quoted(safeRegexMatch.regex)}` };
  }
  if (rangeMatch !== undefined) return rangeCheck(rangeMatch.start ?? 0, rangeMatch.end ?? 0);
  if ((exact ?? prefix ?? suffix ?? contains) === undefined) return undefined;
  return compileStringMatcher({ exact, prefix, suffix, contains }, path);
}

/** An integer of `start` or more, below `end`. */
function rangeCheck(start: number, end: number): StringCheck {
  return {
    wanted: `an integer from ${start} to below ${end}`,
    test: (text) => {
      if (!/^\s*[+-]?\d{1,19}\s*$/.test(text)) return false;
      const value = Number(text);
      return value >= start && value < end;
    },
  };
}

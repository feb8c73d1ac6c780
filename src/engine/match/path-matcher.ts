/**
 * How a route or rule matches the path. Query and fragment never take part.
 *
 * @module
 */
import type { PathMatcher } from "../../xds/proto/matcher.ts";
import type { RouteMatch } from "../../xds/proto/route-match.ts";
import { CompileError, fieldPath, refuseOthers } from "../compile-error.ts";
import { quoted } from "../trace.ts";
import { compileRegex, literalStart } from "./regex.ts";
import { compileStringMatcher, type StringCheck } from "./string-matcher.ts";
import { lowerCase, wireText } from "./wire-text.ts";

export interface PathCheck extends StringCheck {
  /** The route index finds such a route by a table; undefined for one that has to be tried. */
  readonly key: PathKey | undefined;
  /** What `prefix_rewrite` replaces: this many characters from the start, or the whole path. */
  readonly matchedLength: number | "all";
}

/** A necessary condition that a table can answer. */
export type PathKey = { readonly t: "exact" | "prefix"; readonly text: string };

/** @throws {CompileError} When the match has no path, or one that is not supported. */
export function compileRoutePath(match: RouteMatch, path: string): PathCheck {
  const { connectMatcher, prefix, path: exact, safeRegex, pathSeparatedPrefix } = match;
  if (connectMatcher !== undefined) return CONNECT_ONLY;
  const ignoreCase = match.caseSensitive === false;
  if (safeRegex !== undefined) {
    const matches = compileRegex(safeRegex, fieldPath(path, "safeRegex"));
    const start = literalStart(safeRegex.regex ?? "");
    const test = (value: string): boolean => value !== "" && matches(value);
    return {
      test,
      wanted: `regex ${quoted(safeRegex.regex)}`,
      key: start === "" ? undefined : { t: "prefix", text: start },
      matchedLength: "all",
    };
  }
  if (prefix !== undefined) return anyCase(prefixCheck(wireText(prefix), ignoreCase), ignoreCase);
  if (exact !== undefined) return anyCase(exactCheck(wireText(exact), ignoreCase), ignoreCase);
  if (pathSeparatedPrefix === undefined) {
    throw new CompileError(path, "must hold prefix, path, safe_regex, path_separated_prefix or connect_matcher");
  }
  if (!/^[^?#]+[^?#/]$/.test(pathSeparatedPrefix)) {
    throw new CompileError(
      fieldPath(path, "pathSeparatedPrefix"),
      `must hold no ? or # and not end with a slash, found ${quoted(pathSeparatedPrefix)}`,
    );
  }
  return anyCase(segmentsCheck(wireText(pathSeparatedPrefix), ignoreCase), ignoreCase);
}

/** CONNECT alone has no path. Over HTTP/2 that is so too: an extended CONNECT is no CONNECT to a route. */
const CONNECT_ONLY: PathCheck = {
  test: (value) => value === "",
  wanted: "none, as CONNECT has",
  key: { t: "exact", text: "" },
  matchedLength: "all",
};

/** Of RBAC rules. @throws {CompileError} */
export function compilePathMatcher(matcher: PathMatcher, path: string): StringCheck {
  refuseOthers(matcher, path, new Set(["path"]));
  if (matcher.path === undefined) throw new CompileError(`${path}.path`, "must be set");
  return compileStringMatcher(matcher.path, fieldPath(path, "path"));
}

function prefixCheck(configured: string, ignoreCase: boolean): PathCheck {
  const text = ignoreCase ? lowerCase(configured) : configured;
  return {
    test: text === "" || text === "/" ? startsWithSlash(text) : (value) => value.startsWith(text),
    wanted: `prefix ${quoted(configured)}`,
    key: { t: "prefix", text },
    matchedLength: text.length,
  };
}

/** The commonest prefix; a path is a slash and more, or `*`. CONNECT has none, and no prefix takes it. */
const startsWithSlash = (text: string): StringCheck["test"] =>
  text === "" ? (value) => value !== "" : (value) => value.charCodeAt(0) === 0x2f;

function exactCheck(configured: string, ignoreCase: boolean): PathCheck {
  const text = ignoreCase ? lowerCase(configured) : configured;
  return {
    test: (value) => value === text,
    wanted: `exactly ${quoted(configured)}`,
    key: { t: "exact", text },
    matchedLength: "all",
  };
}

function segmentsCheck(configured: string, ignoreCase: boolean): PathCheck {
  const text = ignoreCase ? lowerCase(configured) : configured;
  const { length } = text;
  return {
    test: (value) => value.startsWith(text) && (value.length === length || value.charCodeAt(length) === 0x2f),
    wanted: `prefix ${quoted(configured)} by segments`,
    key: { t: "prefix", text },
    matchedLength: length,
  };
}

function anyCase(check: PathCheck, ignoreCase: boolean): PathCheck {
  if (!ignoreCase) return check;
  const { test, wanted, matchedLength } = check;
  return { test: (value) => test(lowerCase(value)), wanted: `${wanted} in any case`, key: undefined, matchedLength };
}

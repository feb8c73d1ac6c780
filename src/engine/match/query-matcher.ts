/**
 * `envoy.config.route.v3.QueryParameterMatcher`, compiled. Values are compared as they are written, without decoding;
 * of a parameter that is given twice the first counts.
 *
 * @module
 */
import type { QueryParameterMatcher } from "../../xds/proto/route-match.ts";
import { CompileError, fieldPath, refuseOthers } from "../compile-error.ts";
import { quoted } from "../trace.ts";
import type { Check, ValueKey } from "./check.ts";
import { compileStringMatcher } from "./string-matcher.ts";
import { wireText } from "./wire-text.ts";

const KNOWN = new Set(["name", "stringMatch", "presentMatch"]);

/** @throws {CompileError} */
export function compileQueryMatchers(
  matchers: readonly QueryParameterMatcher[] | undefined,
  path: string,
): readonly Check[] {
  return (matchers ?? []).map((matcher, i) => compileQueryMatcher(matcher, `${path}[${i}]`));
}

function compileQueryMatcher(matcher: QueryParameterMatcher, path: string): Check {
  refuseOthers(matcher, path, KNOWN);
  const name = wireText(matcher.name ?? "");
  if (name === "") throw new CompileError(`${path}.name`, "must not be empty");
  const { stringMatch, presentMatch } = matcher;
  if (stringMatch === undefined) {
    const wanted = presentMatch ?? true;
    return {
      test: (request) => (queryParameter(request.path, name) !== undefined) === wanted,
      explain: (request) =>
        `query ${name}: wanted ${wanted ? "any value" : "none"}, found ${quoted(queryParameter(request.path, name))}`,
    };
  }
  const { test, wanted, only } = compileStringMatcher(stringMatch, fieldPath(path, "stringMatch"));
  const read: ValueKey["read"] = (request) => queryParameter(request.path, name);
  return {
    ...(only === undefined ? {} : { key: { name: `query ${name}`, value: only, read } }),
    test: (request) => {
      const value = queryParameter(request.path, name);
      return value !== undefined && test(value);
    },
    explain: (request) => `query ${name}: wanted ${wanted}, found ${quoted(queryParameter(request.path, name))}`,
  };
}

/** `b` of `/p?x=a&name=b`; empty for a parameter without `=`. */
export function queryParameter(path: string, name: string): string | undefined {
  const fragment = path.indexOf("#");
  const end = fragment < 0 ? path.length : fragment;
  let at = path.indexOf("?") + 1;
  while (at > 0 && at < end) {
    const next = path.indexOf("&", at);
    const stop = next < 0 || next > end ? end : next;
    if (path.startsWith(name, at)) {
      const after = at + name.length;
      if (after === stop) return "";
      if (after < stop && path[after] === "=") return path.slice(after + 1, stop);
    }
    at = stop + 1;
  }
  return undefined;
}

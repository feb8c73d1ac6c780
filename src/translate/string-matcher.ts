/**
 * The model's string matches as Envoy's.
 *
 * @module
 */
import { unreachable } from "../base/unreachable.ts";
import type { StringMatch } from "../model/match.ts";
import type { StringMatcher } from "../xds/proto/matcher.ts";
import type { HeaderMatcher } from "../xds/proto/route-match.ts";

/** Any text but the empty one. */
const NOT_EMPTY = ".+";

export function stringMatcher(match: StringMatch): StringMatcher {
  switch (match.t) {
    case "exact":
      return { exact: match.value };
    case "prefix":
      return { prefix: match.value };
    case "suffix":
      return { suffix: match.value };
    case "regex":
      return { safeRegex: { regex: match.value } };
    case "present":
      return { safeRegex: { regex: NOT_EMPTY } };
    default:
      return unreachable(match);
  }
}

export function headerMatcher(name: string, match: StringMatch, ignoreCase = false): HeaderMatcher {
  if (match.t === "present") return { name, presentMatch: true };
  const matcher = stringMatcher(match);
  return { name, stringMatch: ignoreCase ? { ...matcher, ignoreCase } : matcher };
}

/** `text` as an RE2 pattern that matches it alone. */
export const escapeRegex = (text: string): string => text.replace(/[\\.+*?()|[\]{}^$]/g, "\\$&");

/** `abc`, `abc*`, `*abc` and `*` of AuthorizationPolicy conditions. */
export function starPattern(value: string): StringMatch {
  if (value === "*") return { t: "present" };
  if (value.startsWith("*")) return { t: "suffix", value: value.slice(1) };
  if (value.endsWith("*")) return { t: "prefix", value: value.slice(0, -1) };
  return { t: "exact", value };
}

/**
 * Values that a matcher takes, and values that it does not.
 *
 * @module
 */
import { parseRegex, type Alternatives, type Item } from "../../engine/match/regex-syntax.ts";
import type { RegexMatcher, StringMatcher } from "../../xds/proto/matcher.ts";
import type { HeaderMatcher } from "../../xds/proto/route-match.ts";

/** No document is likely to write it. */
export const OTHER = "something-else";

/** Undefined where none is found: of an expression beyond the common syntax. */
export function textFor(matcher: StringMatcher): string | undefined {
  const { exact, prefix, suffix, contains, safeRegex } = matcher;
  if (safeRegex !== undefined) return textOfRegex(safeRegex);
  return exact ?? prefix ?? suffix ?? contains;
}

/** What a header must have for the matcher to look further than its presence. */
export function headerFor(matcher: HeaderMatcher): string | undefined {
  const { exactMatch, prefixMatch, suffixMatch, containsMatch, safeRegexMatch, rangeMatch, stringMatch } = matcher;
  if (stringMatch !== undefined) return textFor(stringMatch);
  if (safeRegexMatch !== undefined) return textOfRegex(safeRegexMatch);
  if (rangeMatch !== undefined) return String(rangeMatch.start ?? 0);
  return exactMatch ?? prefixMatch ?? suffixMatch ?? containsMatch ?? "x";
}

export function textOfRegex({ regex = "" }: RegexMatcher): string | undefined {
  // What may be left out is: the parser knows no groups that are repeated.
  const plain = regex
    .replace(/^\(\?i\)/, "")
    .replace(/\((?:\?:)?[^()\\]*\)[?*]/g, "")
    .replaceAll("(?:", "(");
  const parsed = parseRegex(plain);
  return parsed === undefined ? undefined : ofAlternatives(parsed);
}

const ofAlternatives = ([first = []]: Alternatives): string => first.map(ofItem).join("");

function ofItem(item: Item): string {
  if (item.t === "group") return ofAlternatives(item.alternatives);
  const readable = [..."xa1-_/.XA "].map((c) => c.charCodeAt(0)).find((code) => item.set[code] === 1);
  const code = readable ?? item.set.findIndex((member, c) => member === 1 && c > 0x20 && c < 0x7f);
  const times = item.min > 0 ? item.min : item.max > 0 ? 1 : 0;
  return code < 0 ? "" : String.fromCharCode(code).repeat(Math.min(times, 64));
}

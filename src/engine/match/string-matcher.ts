/**
 * `envoy.type.matcher.v3.StringMatcher`, compiled.
 *
 * @module
 */
import type { StringMatcher } from "../../xds/proto/matcher.ts";
import { CompileError, fieldPath, refuseOthers } from "../compile-error.ts";
import { quoted } from "../trace.ts";
import { compileRegex } from "./regex.ts";
import { lowerCase, wireText } from "./wire-text.ts";

export interface StringCheck {
  readonly test: (value: string) => boolean;
  /** What is wanted, in words: `exact "jason"`. */
  readonly wanted: string;
  /** The one value that passes, where there is one: quicker to compare than to call. */
  readonly only?: string;
}

const KNOWN = new Set(["exact", "prefix", "suffix", "safeRegex", "contains", "ignoreCase"]);

/** @throws {CompileError} When no pattern is set, or it is wrong. */
export function compileStringMatcher(matcher: StringMatcher, path: string): StringCheck {
  refuseOthers(matcher, path, KNOWN);
  const { ignoreCase, safeRegex, ...pattern } = matcher;
  if (safeRegex !== undefined) {
    // Case is the expression's own affair: `(?i)`.
    return { test: compileRegex(safeRegex, fieldPath(path, "safeRegex")), wanted: `regex ${quoted(safeRegex.regex)}` };
  }
  const test = plainTest(ignoreCase === true ? lowered(pattern) : pattern);
  const [kind, text] = Object.entries(pattern).find(([, value]) => value !== undefined) ?? [];
  if (test === undefined) throw new CompileError(path, "must hold exact, prefix, suffix, contains or safe_regex");
  const wanted = `${kind} ${quoted(text)}`;
  if (ignoreCase !== true)
    return pattern.exact === undefined ? { test, wanted } : { test, wanted, only: wireText(pattern.exact) };
  return { test: (value) => test(lowerCase(value)), wanted: `${wanted} in any case` };
}

type Pattern = Omit<StringMatcher, "safeRegex" | "ignoreCase">;

function lowered(pattern: Pattern): Pattern {
  return Object.fromEntries(
    Object.entries(pattern).map(([kind, text]) => [kind, text === undefined ? text : lowerCase(text)]),
  );
}

function plainTest({ exact, prefix, suffix, contains }: Pattern): ((value: string) => boolean) | undefined {
  if (exact !== undefined) return on(exact, (text) => (value) => value === text);
  if (prefix !== undefined) return on(prefix, (text) => (value) => value.startsWith(text));
  if (suffix !== undefined) return on(suffix, (text) => (value) => value.endsWith(text));
  if (contains !== undefined) return on(contains, (text) => (value) => value.includes(text));
  return undefined;
}

const on = <T>(configured: string, make: (text: string) => T): T => make(wireText(configured));

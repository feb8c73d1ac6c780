/**
 * Regular expressions, in RE2's syntax and in linear time, as Envoy's `RegexMatcher` wants them.
 *
 * Three ways, the cheapest that can do it: string tests, the runtime's own engine where linear time is proven, and
 * re2js. That library takes 16 MB of a sidecar that would have none of it otherwise, so it is loaded by the first
 * expression that needs it.
 *
 * Differs: the engines see bytes, so a character class with a non-ASCII member matches its bytes one by one.
 *
 * @module
 */
import type * as Re2 from "re2js";
import { CompileError, fieldPath, refuseOthers } from "../compile-error.ts";
import type { RegexMatchAndSubstitute, RegexMatcher } from "../../xds/proto/matcher.ts";
import { nativeRegex } from "./regex-native.ts";
import { startOf, type StringTest, stringTestOf } from "./regex-shape.ts";
import { parseRegex } from "./regex-syntax.ts";
import { wireText } from "./wire-text.ts";

const KNOWN = new Set(["googleRe2", "regex"]);
const KNOWN_SUBSTITUTE = new Set(["pattern", "substitution"]);

/**
 * A test of whole values.
 *
 * @throws {CompileError} For an expression that RE2 refuses, or none.
 */
export function compileRegex(matcher: RegexMatcher, path: string): StringTest {
  const pattern = patternOf(matcher, path);
  const syntax = parseRegex(pattern);
  const test = syntax === undefined ? undefined : stringTestOf(syntax);
  if (test !== undefined) return test;
  const native = syntax === undefined ? undefined : nativeRegex(syntax);
  if (native !== undefined) return (value) => native.test(value);
  const regex = load(pattern, path);
  return (value) => regex.matches(value);
}

/** What every value that matches begins with; empty where nothing is sure. */
export function literalStart(pattern: string): string {
  const syntax = parseRegex(wireText(pattern));
  return syntax === undefined ? "" : startOf(syntax);
}

/**
 * Replaces every match; `\1` to `\9` in the substitution are groups, `\0` is the match.
 *
 * @throws {CompileError} As {@link compileRegex}, and for a group that is not there.
 */
export function compileSubstitution(rewrite: RegexMatchAndSubstitute, path: string): (value: string) => string {
  refuseOthers(rewrite, path, KNOWN_SUBSTITUTE);
  const at = fieldPath(path, "pattern");
  const regex = load(patternOf(rewrite.pattern ?? {}, at), at);
  const parts = partsOf(wireText(rewrite.substitution ?? ""), regex.groupCount(), fieldPath(path, "substitution"));
  const replacement = (...groups: readonly unknown[]): string => parts.map((part) => textOf(part, groups)).join("");
  return (value) => regex.matcher(value).replaceAll(replacement);
}

/** Text, or the number of a group. */
type Part = string | number;

function textOf(part: Part, groups: readonly unknown[]): string {
  const found = typeof part === "string" ? part : groups[part];
  return typeof found === "string" ? found : "";
}

function patternOf(matcher: RegexMatcher, path: string): string {
  refuseOthers(matcher, path, KNOWN);
  const { regex } = matcher;
  if (regex === undefined || regex === "") throw new CompileError(`${path}.regex`, "must not be empty");
  return wireText(regex);
}

function load(pattern: string, path: string): Re2.RE2JS {
  // Not an import: see the module's note on memory.
  const { RE2JS: engine } = require("re2js") as typeof Re2;
  try {
    return engine.compile(pattern);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new CompileError(
      `${path}.regex`,
      `must be an expression in RE2's syntax, found ${JSON.stringify(pattern)}: ${why}`,
    );
  }
}

function partsOf(substitution: string, groupCount: number, path: string): readonly Part[] {
  return [...substitution.matchAll(/\\(.?)|[^\\]+/gs)].map(([found, escaped]): Part => {
    if (escaped === undefined) return found;
    if (escaped === "\\") return escaped;
    if (!/[0-9]/.test(escaped)) {
      throw new CompileError(
        path,
        `a backslash must stand before a digit or a backslash, found ${JSON.stringify(found)}`,
      );
    }
    if (Number(escaped) > groupCount) {
      throw new CompileError(path, `names group ${escaped}, but the pattern has ${groupCount}`);
    }
    return Number(escaped);
  });
}

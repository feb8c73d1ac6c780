import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { RE2JS } from "re2js";
import { CompileError } from "../compile-error.ts";
import { compileRegex, compileSubstitution } from "./regex.ts";
import { nativeRegex } from "./regex-native.ts";
import { stringTestOf } from "./regex-shape.ts";
import { parseRegex } from "./regex-syntax.ts";

type Way = "string" | "native" | "re2";

function wayOf(pattern: string): Way {
  const syntax = parseRegex(pattern);
  if (syntax === undefined) return "re2";
  if (stringTestOf(syntax) !== undefined) return "string";
  return nativeRegex(syntax) === undefined ? "re2" : "native";
}

describe("which engine runs an expression", () => {
  const rows: readonly (readonly [string, Way])[] = [
    [".*", "string"],
    [".+", "string"],
    ["/api/.*", "string"],
    [".*\\.html", "string"],
    [".*admin.*", "string"],
    ["^a|b|c$", "string"],
    ["GET|HEAD", "string"],
    ["/users/\\d+", "native"],
    ["^user=test-\\d+$", "native"],
    ["/api/v[0-9]+/.*", "native"],
    ["/(v1|v2)/[^/]+", "native"],
    ["/a.*/b", "native"],
    ["[a-z]{2,4}", "native"],
    // Two repetitions that may end anywhere: quadratic for a backtracking engine.
    [".*a.*b", "re2"],
    [".*a[^b]*b", "re2"],
    ["(a+)+", "re2"],
    ["a?a?a?a?a?a?a?a?", "re2"],
    ["(?i)abc", "re2"],
    ["[[:alpha:]]+", "re2"],
    ["\\pL", "re2"],
  ];
  for (const [pattern, way] of rows) test(`${pattern}: ${way}`, () => expect(wayOf(pattern)).toBe(way));
});

/** Expressions of the parsed syntax, over a small alphabet so that they match now and then. */
const atom = fc.constantFrom("a", "b", "/", ".", "\\d", "[ab]", "[^a]", "\\.", "[a-c/]", "(a|b)", "(?:ab|c)", "1");
const quantifier = fc.constantFrom("", "", "", "*", "+", "?", "{2}", "{1,2}", "*?");
const piece = fc.tuple(atom, quantifier).map(([a, q]) => (a.startsWith("(") ? a : a + q));
const sequence = fc.array(piece, { minLength: 1, maxLength: 5 }).map((pieces) => pieces.join(""));
const pattern = fc.array(sequence, { minLength: 1, maxLength: 3 }).map((all) => all.join("|"));
const value = fc.string({ unit: fc.constantFrom("a", "b", "c", "/", ".", "1", "é"), maxLength: 8 });

test("every way gives what RE2 gives", () => {
  const ways = { string: 0, native: 0, re2: 0 };
  fc.assert(
    fc.property(pattern, fc.array(value, { minLength: 4, maxLength: 4 }), (regex, values) => {
      ways[wayOf(regex)]++;
      const ours = compileRegex({ regex }, "regex");
      const theirs = RE2JS.compile(regex);
      for (const text of values)
        expect({ regex, text, matches: ours(text) }).toEqual({ regex, text, matches: theirs.matches(text) });
    }),
    { numRuns: 2000 },
  );
  expect(Math.min(ways.string, ways.native, ways.re2)).toBeGreaterThan(20);
});

test("no expression runs away where a backtracking engine would", () => {
  const text = `${"a".repeat(20_000)}!`;
  for (const regex of ["(a+)+", "(a|a)*b", ".*a.*b", "a*a*b", "/a.*/b", "[a-z]+b"]) {
    expect(compileRegex({ regex }, "regex")(text)).toBe(false);
  }
});

test("what RE2 refuses is refused with its path", () => {
  for (const regex of ["(", "a**", "a{2,1}", "[b-a]", "*a", "(?=a)", "\\1"]) {
    expect(() => compileRegex({ regex }, "routes[0].match.safe_regex")).toThrow(
      /^routes\[0\]\.match\.safe_regex\.regex: /,
    );
  }
  expect(() => compileRegex({}, "x")).toThrow(CompileError);
});

describe("substitution", () => {
  const replace = (regex: string, substitution: string, text: string): string =>
    compileSubstitution({ pattern: { regex }, substitution }, "rewrite")(text);

  test("groups, the whole match, and characters that mean something elsewhere", () => {
    expect(replace("^/service/([^/]+)(/.*)$", "\\2/instance/\\1", "/service/foo/v1/api")).toBe("/v1/api/instance/foo");
    expect(replace("one", "two", "/xxx/one/yyy/one/zzz")).toBe("/xxx/two/yyy/two/zzz");
    expect(replace("b", "[\\0]", "abc")).toBe("a[b]c");
    expect(replace("b", "$1\\\\$&", "abc")).toBe("a$1\\$&c");
    expect(replace("(x)?b", "<\\1>", "abc")).toBe("a<>c");
  });

  test("a group that is not there is refused", () => {
    expect(() => replace("(a)", "\\2", "a")).toThrow("rewrite.substitution: names group 2, but the pattern has 1");
    expect(() => replace("(a)", "\\x", "a")).toThrow(CompileError);
  });
});

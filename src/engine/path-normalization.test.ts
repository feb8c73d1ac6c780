import { describe, expect, test } from "bun:test";
import { normalizationSuite } from "../../tests/suites/normalization.ts";
import { compileNormalization, type NormalizationSettings } from "./path-normalization.ts";

normalizationSuite();

const FULL: NormalizationSettings = { normalizePath: true, mergeSlashes: true, escapedSlashes: "forward" };
const BASE: NormalizationSettings = { normalizePath: true, mergeSlashes: false, escapedSlashes: "keep" };
const NONE: NormalizationSettings = { normalizePath: false, mergeSlashes: false, escapedSlashes: "keep" };

describe("path normalization, as an Envoy of 1.40 answers", () => {
  // [input, none, normalize_path, all with UNESCAPE_AND_FORWARD]
  const rows: readonly (readonly [string, string, string, string])[] = [
    ["/a%b", "/a%b", "/a%b", "/a%b"],
    ["/a%zz", "/a%zz", "/a%zz", "/a%zz"],
    ["/a%", "/a%", "/a%", "/a%"],
    ["/a/./b", "/a/./b", "/a/b", "/a/b"],
    ["/a/.", "/a/.", "/a/", "/a/"],
    ["/a/..", "/a/..", "/", "/"],
    ["/../..", "/../..", "/", "/"],
    ["/a/%2e%2e/b", "/a/%2e%2e/b", "/b", "/b"],
    ["/a/.%2E", "/a/.%2E", "/", "/"],
    ["/a\\..\\b", "/a\\..\\b", "/b", "/b"],
    ["/a?x=/../b//%2f", "/a?x=/../b//%2f", "/a?x=/../b//%2f", "/a?x=/../b//%2f"],
    ["/a/...", "/a/...", "/a/...", "/a/..."],
    ["/a/..b", "/a/..b", "/a/..b", "/a/..b"],
    ["/a//../b", "/a//../b", "/a/b", "/a/b"],
    ["//a", "//a", "//a", "/a"],
    ["///", "///", "///", "//"],
    ["/./", "/./", "/", "/"],
    ["/a/b/../", "/a/b/../", "/a/", "/a/"],
    ["/a;x=/../b", "/a;x=/../b", "/b", "/b"],
    ["/a%2f%5C..%5c/b?q=%2f", "/a%2f%5C..%5c/b?q=%2f", "/a%2f%5C..%5c/b?q=%2f", "/a/b?q=%2f"],
    ["/a%2F..", "/a%2F..", "/a%2F..", "/"],
    ["/%C3%A9", "/%C3%A9", "/%C3%A9", "/%C3%A9"],
    ['/a"<>^`{|}b', '/a"<>^`{|}b', "/a%22%3C%3E%5E%60%7B%7C%7Db", "/a%22%3C%3E%5E%60%7B%7C%7Db"],
  ];
  for (const [input, none, base, full] of rows) {
    test(input, () => {
      expect(compileNormalization(NONE)(input)).toBe(none);
      expect(compileNormalization(BASE)(input)).toBe(base);
      expect(compileNormalization(FULL)(input)).toBe(full);
    });
  }

  test("an encoded NUL and a fragment are refused", () => {
    expect(compileNormalization(BASE)("/a%00b")).toEqual({ t: "reject" });
    expect(compileNormalization(NONE)("/a%00b")).toBe("/a%00b");
    expect(compileNormalization(NONE)("/a#f")).toEqual({ t: "reject" });
    expect(compileNormalization(NONE)("/a?b#c")).toEqual({ t: "reject" });
  });

  test("escaped slashes are refused or redirected when asked", () => {
    const reject = compileNormalization({ ...FULL, escapedSlashes: "reject" });
    const redirect = compileNormalization({ ...FULL, escapedSlashes: "redirect" });
    expect(reject("/a%2F..")).toEqual({ t: "reject" });
    expect(reject("/a/..")).toBe("/");
    expect(redirect("/a%2f%5C..%5c/b?q=%2f")).toEqual({ t: "redirect", location: "/a/b?q=%2f" });
    expect(redirect("/a/../b")).toBe("/b");
  });

  test("what is normalized stays as it is", () => {
    const normalize = compileNormalization(FULL);
    for (const [input] of rows) {
      const once = normalize(input) as string;
      if (once !== "//") expect(normalize(once)).toBe(once);
    }
  });
});

/**
 * Few words, so that rules and requests meet often.
 *
 * @module
 */
import type { Text } from "./spec.ts";

export const PATHS = ["/", "/a", "/a/", "/a/b", "/ab", "/api", "/api/v1", "/A", "/static/x.js"];
export const HEADERS = ["x-user", "x-group", "end-user"];
export const VALUES = ["", "one", "two", "One", "o", "onetwo"];
export const QUERIES = ["v", "q"];
export const METHODS = ["GET", "POST", "PUT", "DELETE", "OPTIONS", "HEAD"];
export const ORIGINS = ["https://a.example", "https://b.a.example", "https://evil.example", "null"];

/** Regexes with what they match whole, and what they just do not. */
export const REGEXES: Readonly<
  Record<string, { readonly hits: readonly string[]; readonly misses: readonly string[] }>
> = {
  "/a.*": { hits: ["/a", "/a/b", "/ab?x"], misses: ["/", "/A"] },
  "/(a|b)/[0-9]+": { hits: ["/a/1", "/b/42"], misses: ["/a/", "/c/1", "/a/1x"] },
  "^/api/v[12]$": { hits: ["/api/v1", "/api/v2"], misses: ["/api/v3", "/api/v1/"] },
  "(?i)/CASE/.*": { hits: ["/case/x", "/Case/"], misses: ["/case"] },
  "/.*\\.js": { hits: ["/static/x.js", "/.js"], misses: ["/x.jsx", "/xjs"] },
  "o.*": { hits: ["one", "o"], misses: ["One", "two"] },
  "one|two": { hits: ["one", "two"], misses: ["onetwo", ""] },
  "[a-z]*": { hits: ["", "one"], misses: ["One", "1"] },
  ".+": { hits: ["one", " x"], misses: [""] },
};

const PATH_REGEXES = Object.keys(REGEXES).filter((it) => it.includes("/"));
const VALUE_REGEXES = Object.keys(REGEXES).filter((it) => !it.includes("/"));

export const pathText = (kind: number, path: string, i: number): Text =>
  textOf(kind, path, PATH_REGEXES[i % PATH_REGEXES.length] ?? "");

export const valueText = (kind: number, value: string, i: number): Text =>
  textOf(kind, value, VALUE_REGEXES[i % VALUE_REGEXES.length] ?? "");

function textOf(kind: number, word: string, regex: string): Text {
  if (kind === 0) return { exact: word };
  return kind === 1 ? { prefix: word } : { regex };
}

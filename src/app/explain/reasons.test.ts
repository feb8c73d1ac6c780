import { describe, expect, test } from "bun:test";
import { policyWords } from "./policy-words.ts";
import { routeReason } from "./reasons.ts";

const PORT = { listenPort: 20_001, targetPort: 9080 };

describe("reasons of policies", () => {
  test.each([
    ["ALLOW policy: any", true, ["every call matches"]],
    ["ALLOW policy: all of (+ any, + any)", true, ["every call matches"]],
    [
      'DENY policy: all of (- not (header :method: wanted exact "GET", found "GET"), + any)',
      false,
      ['not (header :method: wanted exact "GET", found "GET")'],
    ],
    [
      'ALLOW policy: all of (+ all of (+ m: wanted exact "GET", found "GET", + path: wanted prefix "/a", found "/a/b"), + p: found "x")',
      true,
      ['m: wanted exact "GET", found "GET"', 'path: wanted prefix "/a", found "/a/b"', 'p: found "x"'],
    ],
    // Only what is in the way is told: the method fits.
    [
      'ALLOW policy: all of (+ m: found "GET", - one of (- p: wanted "a", found "c", - p: wanted "b", found "c"))',
      false,
      ['p: wanted "a", found "c", or p: wanted "b", found "c"'],
    ],
    // Of alternatives that hold the first is told.
    ['ALLOW policy: one of (- p: wanted "a", + p: wanted "b", + p: wanted "c")', true, ['p: wanted "b"']],
    // Brackets, commas and marks in values are values.
    [
      'ALLOW policy: all of (+ h: found "a), + b", - h: wanted exact "\\"), - x", found nothing)',
      false,
      ['h: wanted exact "\\"), - x", found nothing'],
    ],
    ["ALLOW policy: all of (- not (any), - not (any))", false, ["it has no rules, so it matches nothing"]],
    // What cannot be read is told as it is.
    ["ALLOW policy: all of (+ a", true, ["all of (+ a"]],
  ] as const)("%s", (reason, matched, told) => {
    expect(policyWords(reason, matched, undefined, "rules[0]", PORT)).toEqual([...told]);
  });
});

test("a route's path that matches everything says nothing", () => {
  expect(routeReason('path: wanted prefix "/", found "/a"')).toBe("every call matches");
  expect(routeReason('path: wanted prefix "/", found "/a"; header x: wanted "1", found "1"')).toBe(
    'header x: wanted "1", found "1"',
  );
  expect(routeReason('path: wanted prefix "/a", found "/b"')).toBe('path: wanted prefix "/a", found "/b"');
});

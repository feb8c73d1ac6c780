import { describe, expect, test } from "bun:test";
import { PLAIN_PEER, request } from "../../../tests/support/requests.ts";
import type { RequestView } from "../request.ts";
import type { HeaderMatcher } from "../../xds/proto/route-match.ts";
import { compileHeaderMatcher } from "./header-matcher.ts";
import { queryParameter } from "./query-matcher.ts";

function matches(matcher: HeaderMatcher, value: string | undefined): boolean {
  const headers = value === undefined ? {} : { "x-h": value };
  return compileHeaderMatcher({ name: "X-H", ...matcher }, "m").test(request("/", { headers }), PLAIN_PEER);
}

describe("header matchers", () => {
  // [matcher, value, result]
  const rows: readonly (readonly [HeaderMatcher, string | undefined, boolean])[] = [
    [{ stringMatch: { exact: "jason" } }, "jason", true],
    [{ stringMatch: { exact: "jason" } }, "Jason", false],
    [{ stringMatch: { exact: "jason", ignoreCase: true } }, "JaSoN", true],
    [{ exactMatch: "a" }, "a", true],
    [{ prefixMatch: "ja" }, "jason", true],
    [{ suffixMatch: "on" }, "jason", true],
    [{ containsMatch: "as" }, "jason", true],
    [{ safeRegexMatch: { regex: "j.*n" } }, "jason", true],
    [{ safeRegexMatch: { regex: "j.*n" } }, "xjason", false],
    [{}, "anything", true],
    [{}, "", true],
    [{}, undefined, false],
    [{ presentMatch: true }, undefined, false],
    [{ presentMatch: false }, undefined, true],
    [{ invertMatch: true }, undefined, true],
    [{ presentMatch: true, invertMatch: true }, "x", false],
    [{ rangeMatch: { start: -10, end: 0 } }, "-1", true],
    [{ rangeMatch: { start: -10, end: 0 } }, "0", false],
    [{ rangeMatch: { start: -10, end: 0 } }, "-1somestring", false],
    [{ rangeMatch: { start: 0, end: 10 } }, "1.5", false],
    // A header that is not there matches no value, inverted or not …
    [{ stringMatch: { exact: "a" } }, undefined, false],
    [{ stringMatch: { exact: "a" }, invertMatch: true }, undefined, false],
    [{ stringMatch: { exact: "a" }, invertMatch: true }, "b", true],
    // … unless its absence counts as "".
    [{ stringMatch: { exact: "a" }, invertMatch: true, treatMissingHeaderAsEmpty: true }, undefined, true],
    [{ stringMatch: { prefix: "" }, treatMissingHeaderAsEmpty: true }, undefined, true],
    // Text beyond ASCII is compared by its bytes, as it comes from the wire.
    [{ stringMatch: { exact: "é" } }, Buffer.from("é").toString("latin1"), true],
  ];
  for (const [matcher, value, result] of rows) {
    test(`${JSON.stringify(matcher)} on ${value} is ${result}`, () => expect(matches(matcher, value)).toBe(result));
  }

  test("of several lines each is looked at, and one is enough", () => {
    const view = (...lines: string[]): RequestView => ({
      ...request("/", { headers: { "x-h": lines.join(",") } }),
      headerLines: () => lines,
    });
    const check = (matcher: HeaderMatcher, ...lines: string[]): boolean =>
      compileHeaderMatcher({ name: "x-h", ...matcher }, "m").test(view(...lines), PLAIN_PEER);
    const guest: HeaderMatcher = { stringMatch: { prefix: "guest", ignoreCase: true } };
    expect([check(guest, "a", "Guest-1"), check(guest, "guest", "a"), check(guest, "a,guest")]).toEqual([
      true,
      true,
      false,
    ]);
    const one: HeaderMatcher = { stringMatch: { exact: "one" } };
    expect([check(one, "two", "one"), check(one, "one,two"), check(one, "one", "")]).toEqual([true, false, true]);
    expect(check({ ...one, invertMatch: true }, "two", "one")).toBe(false);
    const both: HeaderMatcher = { stringMatch: { exact: "one,two" } };
    expect([check(both, "one", "two"), check(both, "one,two")]).toEqual([false, true]);
    expect(check({ rangeMatch: { start: 0, end: 10 } }, "50", "7")).toBe(true);
  });

  test("pseudo-headers and host", () => {
    const view = request("/p?q", { method: "PUT", authority: "a:1", scheme: "https" });
    const wanted = { ":method": "PUT", ":path": "/p?q", ":authority": "a:1", ":scheme": "https", Host: "a:1" };
    for (const [name, exact] of Object.entries(wanted)) {
      expect(compileHeaderMatcher({ name, stringMatch: { exact } }, "m").test(view, PLAIN_PEER)).toBe(true);
    }
  });

  test("reasons say what was wanted and what was found", () => {
    const check = compileHeaderMatcher({ name: "end-user", stringMatch: { exact: "jason" } }, "m");
    const explain = (headers: Record<string, string>): string => check.explain(request("/", { headers }), PLAIN_PEER);
    expect(explain({ "end-user": "bob" })).toBe('header end-user: wanted exact "jason", found "bob"');
    expect(explain({})).toBe('header end-user: wanted exact "jason", found nothing');
  });

  test("what is wrong is refused with its path", () => {
    expect(() => compileHeaderMatcher({}, "headers[2]")).toThrow("headers[2].name: must not be empty");
    expect(() => compileHeaderMatcher({ name: "a", stringMatch: {} }, "headers[2]")).toThrow(
      /^headers\[2\]\.string_match: /,
    );
  });
});

test("query parameters", () => {
  expect(queryParameter("/p?a=1&b=2", "b")).toBe("2");
  expect(queryParameter("/p?a=1&a=2", "a")).toBe("1");
  expect(queryParameter("/p?a&b", "a")).toBe("");
  expect(queryParameter("/p?ab=1", "a")).toBeUndefined();
  expect(queryParameter("/p?xa=1&a=%20", "a")).toBe("%20");
  expect(queryParameter("/a=1", "a")).toBeUndefined();
  expect(queryParameter("/p?", "a")).toBeUndefined();
  expect(queryParameter("/p?b#?a=1", "a")).toBeUndefined();
});

import { describe, expect, test } from "bun:test";
import { afterReset, compileResetHeaders } from "./reset-headers.ts";

const WALL_MS = 1_700_000_000_500;
const wait = (headers: Readonly<Record<string, string>>, maxInterval?: number): number | undefined =>
  compileResetHeaders(
    {
      resetHeaders: [{ name: "Retry-After" }, { name: "X-RateLimit-Reset", format: "UNIX_TIMESTAMP" }],
      maxInterval,
    },
    "r",
  )?.((name) => headers[name], WALL_MS);

describe("answers that say when to try again", () => {
  test.each([
    [{ "retry-after": "2" }, 2000],
    [{ "retry-after": " 300 " }, 300_000],
    [{ "retry-after": "301" }, undefined],
    [{ "retry-after": "0" }, undefined],
    [{ "retry-after": "-1" }, undefined],
    [{ "retry-after": "Fri, 31 Dec 1999 23:59:59 GMT" }, undefined],
    [{ "x-ratelimit-reset": "1700000007" }, 7000],
    [{ "x-ratelimit-reset": "1699999999" }, undefined],
    [{ "retry-after": "301", "x-ratelimit-reset": "1700000007" }, 7000],
    [{ "retry-after": "2", "x-ratelimit-reset": "1700000007" }, 2000],
    [{}, undefined],
  ])("%j: %p", (headers, expected) => expect(wait(headers)).toBe(expected));

  test("the longest wait is what is configured", () => {
    expect(wait({ "retry-after": "2" }, 1999)).toBeUndefined();
    expect(wait({ "retry-after": "2" }, 2000)).toBe(2000);
  });

  test("the wait is that, and up to half as much longer", () => {
    expect([0, 0.5, 0.999].map((draw) => afterReset(2000, () => draw))).toEqual([2000, 2500, 2999]);
  });

  test("what says nothing is refused", () => {
    expect(() => compileResetHeaders({}, "r")).toThrow("r.reset_headers: must hold at least one");
    expect(() => compileResetHeaders({ resetHeaders: [{}] }, "r")).toThrow("r.reset_headers[0].name");
  });
});

import { describe, expect, test } from "bun:test";
import { request } from "../../../tests/support/requests.ts";
import type { ValueMatcher } from "../../xds/proto/matcher.ts";
import type { JsonObject } from "../../xds/types/struct.ts";
import { compileMetadataMatchers } from "./metadata-matcher.ts";

const HERE = { address: "127.0.0.1", port: 1 };
const PEER = { tls: false, spiffeId: undefined, sni: undefined, remote: HERE, local: HERE };
const METADATA: JsonObject = { a: { b: "x", n: 5, no: null, yes: true, list: ["p", 7] }, top: "t" };

const view = Object.assign(request("/"), { dynamicMetadata: (name: string) => (name === "f" ? METADATA : undefined) });

function holds(
  path: string,
  value: ValueMatcher,
  more: { filter?: string; invert?: boolean } = {},
): boolean | undefined {
  const keys = path.split(".").map((key) => ({ key }));
  return compileMetadataMatchers([{ filter: "f", path: keys, value, ...more }], "m")[0]?.test(view, PEER);
}

describe("values", () => {
  test.each([
    ["a.b", { stringMatch: { exact: "x" } }, true],
    ["a.b", { stringMatch: { exact: "y" } }, false],
    ["a.n", { stringMatch: { exact: "5" } }, false],
    ["a.n", { doubleMatch: { exact: 5 } }, true],
    ["a.n", { doubleMatch: { range: { start: 5, end: 6 } } }, true],
    ["a.n", { doubleMatch: { range: { start: 4, end: 5 } } }, false],
    ["a.yes", { boolMatch: true }, true],
    ["a.yes", { boolMatch: false }, false],
    ["a.no", { nullMatch: {} }, true],
    ["a.none", { nullMatch: {} }, false],
    ["a", { presentMatch: true }, true],
    ["a", { presentMatch: false }, false],
    ["a.none", { presentMatch: true }, false],
    ["a.b.c", { presentMatch: true }, false],
    ["a.list", { listMatch: { oneOf: { doubleMatch: { exact: 7 } } } }, true],
    ["a.list", { listMatch: { oneOf: { stringMatch: { exact: "q" } } } }, false],
    ["a.list.0", { presentMatch: true }, false],
    ["top", { orMatch: { valueMatchers: [{ boolMatch: true }, { stringMatch: { prefix: "t" } }] } }, true],
  ] as const)("%s %j: %p", (path, value, expected) => {
    expect(holds(path, value)).toBe(expected);
    expect(holds(path, value, { invert: true })).toBe(!expected);
  });

  test("of a filter that says nothing nothing holds", () => {
    expect(holds("top", { presentMatch: true }, { filter: "g" })).toBe(false);
    expect(holds("top", { presentMatch: true }, { filter: "g", invert: true })).toBe(true);
  });
});

test.each([
  [{ path: [{ key: "a" }], value: { boolMatch: true } }, "m[0].filter"],
  [{ filter: "f", value: { boolMatch: true } }, "m[0].path"],
  [{ filter: "f", path: [{ key: "a" }] }, "m[0].value"],
  [{ filter: "f", path: [{ key: "a" }], value: {} }, "m[0].value"],
  [{ filter: "f", path: [{ key: "a" }], value: { doubleMatch: {} } }, "m[0].value.double_match"],
])("%j is refused at %s", (matcher, path) => {
  expect(() => compileMetadataMatchers([matcher], "m")).toThrow(path);
});

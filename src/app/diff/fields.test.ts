import { describe, expect, test } from "bun:test";
import { changedFields } from "./fields.ts";

const told = (was: unknown, now: unknown): readonly string[] =>
  changedFields(was, now).map((f) => `${f.path}: ${f.was ?? "-"} > ${f.now ?? "-"}`);

describe("changed fields", () => {
  test("of mappings, each by its path", () => {
    expect(told({ a: { b: 1, c: "x" } }, { a: { b: 2, c: "x", d: [true] } })).toEqual([
      "a.b: 1 > 2",
      "a.d: - > [true]",
    ]);
    expect(told({ a: 1 }, {})).toEqual(["a: 1 > -"]);
    expect(told({ a: 1 }, { a: { b: 1 } })).toEqual(['a: 1 > {"b":1}']);
  });

  test("of items with names, by these, and their order", () => {
    const [a, b] = [
      { name: "a", v: 1 },
      { name: "b", v: 1 },
    ];
    expect(told({ l: [a, b] }, { l: [a, { ...b, v: 2 }] })).toEqual(["l[b].v: 1 > 2"]);
    expect(told({ l: [a, b] }, { l: [b, a] })).toEqual(["l: order: a, b > b, a"]);
    expect(told({ l: [a] }, { l: [b, a] })).toEqual(['l[b]: - > {"name":"b","v":1}']);
    expect(told({ l: [a, a] }, { l: [a, { ...a, v: 3 }] })).toEqual(["l[1].v: 1 > 3"]);
  });

  test("of other items, by their number; what only moved is not told", () => {
    expect(told([1, 2, 3], [1, 9, 2, 3])).toEqual(["[1]: - > 9"]);
    expect(told([1, 2, 3], [1, 3])).toEqual(["[1]: 2 > -"]);
    expect(told([1, 2, 3], [1, 5, 3])).toEqual(["[1]: 2 > 5"]);
    expect(told([], [])).toEqual([]);
  });

  test("where a route is written is no part of it", () => {
    const at = (line: number) => ({ metadata: { filter_metadata: { tulle: { line }, istio: { v: 1 } } } });
    expect(told(at(1), at(2))).toEqual([]);
  });
});

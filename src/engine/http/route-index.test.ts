import { expect, test } from "bun:test";
import * as fc from "fast-check";
import type { PathKey } from "../match/path-matcher.ts";
import { RouteIndex } from "./route-index.ts";

const path = fc.string({ unit: fc.constantFrom("/", "a", "b"), maxLength: 5 }).map((rest) => `/${rest}`);
const key: fc.Arbitrary<PathKey | undefined> = fc.oneof(
  fc.constant(undefined),
  path.map((text) => ({ t: "exact", text }) as const),
  path.map((text) => ({ t: "prefix", text }) as const),
  fc.constant({ t: "prefix", text: "" } as const),
);

const holds = (k: PathKey | undefined, text: string): boolean =>
  k === undefined || (k.t === "exact" ? k.text === text : text.startsWith(k.text));

test("the index finds what trying each in order finds, and tries them in order", () => {
  fc.assert(
    fc.property(fc.array(key, { maxLength: 30 }), path, fc.func(fc.boolean()), (keys, text, other) => {
      // Besides the path a route may have conditions, here by its number.
      const matches = (i: number): boolean => holds(keys[i], text) && other(i);
      const expected = keys.findIndex((_, i) => matches(i));
      const tried: number[] = [];
      const found = new RouteIndex(keys).find(text, (i) => {
        tried.push(i);
        return matches(i);
      });
      expect(found).toBe(expected);
      expect(tried).toEqual(tried.toSorted((a, b) => a - b));
    }),
    { numRuns: 2000 },
  );
});

test("routes that cannot match are not tried", () => {
  const keys = Array.from(
    { length: 1000 },
    (_, i): PathKey => ({ t: i % 2 === 0 ? "exact" : "prefix", text: `/service-${i}/` }),
  );
  let tried = 0;
  const found = new RouteIndex(keys).find("/service-999/x", () => {
    tried++;
    return true;
  });
  expect({ found, tried }).toEqual({ found: 999, tried: 1 });
});

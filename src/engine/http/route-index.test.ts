import { expect, test } from "bun:test";
import * as fc from "fast-check";
import type { ValueKey } from "../match/check.ts";
import { compileHeaderMatcher } from "../match/header-matcher.ts";
import type { PathKey } from "../match/path-matcher.ts";
import { literalStart } from "../match/regex.ts";
import type { RequestView } from "../request.ts";
import { RouteIndex, type RouteKeys } from "./route-index.ts";

const path = fc.string({ unit: fc.constantFrom("/", "a", "b"), maxLength: 5 }).map((rest) => `/${rest}`);
const pathKey: fc.Arbitrary<PathKey | undefined> = fc.oneof(
  fc.constant(undefined),
  path.map((text) => ({ t: "exact", text }) as const),
  path.map((text) => ({ t: "prefix", text }) as const),
  fc.constant({ t: "prefix", text: "" } as const),
);

type Headers = Readonly<Record<string, readonly string[]>>;

const requestOf = (headers: Headers): RequestView => ({
  method: "GET",
  path: "/",
  authority: "reviews",
  scheme: "http",
  header: (name) => headers[name]?.join(","),
  headerLines: (name) => headers[name] ?? [],
});

const word = fc.constantFrom("x", "y", "x,y", "");
const headers: fc.Arbitrary<Headers> = fc.record(
  { a: fc.array(word, { minLength: 1, maxLength: 3 }), b: fc.array(word, { minLength: 1, maxLength: 2 }) },
  { requiredKeys: [] },
);
const check = fc
  .record({ name: fc.constantFrom("a", "b"), exact: fc.constantFrom("x", "y", "x,y", "z") })
  .map(({ name, exact }) => compileHeaderMatcher({ name, stringMatch: { exact } }, "match"));
const keysOf = (checks: readonly { readonly key?: ValueKey }[]): readonly ValueKey[] =>
  checks.flatMap(({ key }) => key ?? []);

const holds = (k: PathKey | undefined, text: string): boolean =>
  k === undefined || (k.t === "exact" ? k.text === text : text.startsWith(k.text));

const route = fc.record({ path: pathKey, checks: fc.array(check, { maxLength: 2 }) });

test("the index finds what trying each in order finds, and tries them in order", () => {
  fc.assert(
    fc.property(
      fc.array(route, { maxLength: 60 }),
      path,
      headers,
      fc.func(fc.boolean()),
      (routes, text, lines, other) => {
        const request = requestOf(lines);
        const peer = { address: "127.0.0.1", port: 1 } as never;
        // Besides path and headers a route may have conditions, here by its number.
        const matches = (i: number): boolean => {
          const { path: key, checks } = routes[i] as (typeof routes)[number];
          return holds(key, text) && checks.every((c) => c.test(request, peer)) && other(i);
        };
        const expected = routes.findIndex((_, i) => matches(i));
        const tried: number[] = [];
        const keys = routes.map((r): RouteKeys => ({ path: r.path, values: keysOf(r.checks) }));
        const found = new RouteIndex(keys).find(text, request, (i) => {
          tried.push(i);
          return matches(i);
        });
        expect(found).toBe(expected);
        expect(tried).toEqual(tried.toSorted((a, b) => a - b));
      },
    ),
    { numRuns: 3000 },
  );
});

function triedOf(keys: readonly RouteKeys[], text: string, lines: Headers): { found: number; tried: number } {
  let tried = 0;
  const found = new RouteIndex(keys).find(text, requestOf(lines), () => {
    tried++;
    return true;
  });
  return { found, tried };
}

test("routes that cannot match are not tried: by path", () => {
  const keys = Array.from(
    { length: 1000 },
    (_, i): RouteKeys => ({ path: { t: i % 2 === 0 ? "exact" : "prefix", text: `/service-${i}/` }, values: [] }),
  );
  expect(triedOf(keys, "/service-999/x", {})).toEqual({ found: 999, tried: 1 });
});

test("routes that cannot match are not tried: by a header, on one path", () => {
  const keys = Array.from({ length: 1000 }, (_, i): RouteKeys => {
    const tenant = compileHeaderMatcher({ name: "tenant", stringMatch: { exact: `t${i}` } }, "match");
    const method = compileHeaderMatcher({ name: ":method", stringMatch: { exact: "GET" } }, "match");
    return { path: { t: "prefix", text: "/" }, values: keysOf([method, tenant]) };
  });
  expect(triedOf(keys, "/x", { tenant: ["t999"] })).toEqual({ found: 999, tried: 1 });
  expect(triedOf(keys, "/x", {})).toEqual({ found: -1, tried: 0 });
});

test.each([
  ["/api/v1/users/[0-9]+", "/api/v1/users/"],
  ["^/a(b|c)/x$", "/a"],
  ["/a(bx|by)/x", "/abx".slice(0, 3)],
  ["/abc?", "/ab"],
  ["/ab{2}c+d", "/abbc"],
  ["/ab*", "/a"],
  ["/v1\\.0/.*", "/v1.0/"],
  ["a/x|b/x", ""],
  ["(?i)/api/.*", ""],
  [".*", ""],
])("what every match of %s begins with", (pattern, start) => {
  expect(literalStart(pattern)).toBe(start);
});

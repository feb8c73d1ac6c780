import { describe, expect, test } from "bun:test";
import { LocalRateLimit } from "../../xds/proto/filter-local-rate-limit.ts";
import { Router } from "../../xds/proto/filter-router.ts";
import type { RouteConfiguration, VirtualHost } from "../../xds/proto/route.ts";
import { pack } from "../../xds/types/any.ts";
import { compileHttp } from "../http.ts";

const LIMIT = "envoy.filters.http.local_ratelimit";
const host = (name: string, more: Partial<VirtualHost> = {}): VirtualHost => ({
  name,
  domains: [name],
  routes: [{ match: { prefix: "/" }, route: { cluster: name } }],
  ...more,
});
const typedPerFilterConfig = {
  [LIMIT]: pack(LocalRateLimit, {
    statPrefix: "l",
    tokenBucket: { maxTokens: 1, tokensPerFill: 1, fillInterval: 1000 },
  }),
};
const limited = (name: string): VirtualHost => host(name, { typedPerFilterConfig });
const match = { prefix: "/" };
const limitedInside: readonly VirtualHost[] = [
  host("r", { routes: [{ match, route: { cluster: "r" }, typedPerFilterConfig }] }),
  host("w", {
    routes: [{ match, route: { weightedClusters: { clusters: [{ name: "w", weight: 1, typedPerFilterConfig }] } } }],
  }),
];

const compiled = (...virtualHosts: readonly VirtualHost[]) => {
  const httpFilters = [
    { name: LIMIT, typedConfig: pack(LocalRateLimit, { statPrefix: "l" }) },
    { name: "router", typedConfig: pack(Router, {}) },
  ];
  return compileHttp({ statPrefix: "t", httpFilters, rds: { routeConfigName: "r" } }, () => ({
    name: "r",
    virtualHosts,
  }));
};

describe("routes that take the place of others", () => {
  const [a, b, c] = [host("a"), host("b"), limited("c")];
  const before = compiled(a, b, c);
  const kept = (routes: Partial<RouteConfiguration>): readonly string[] => {
    const { routeTable } = before.withRoutes({ name: "r", ...routes });
    return routeTable.virtualHosts.filter((it) => before.routeTable.virtualHosts.includes(it)).map(({ name }) => name);
  };

  test("keep the compiled form of hosts that are the same", () => {
    expect(kept({ virtualHosts: [a, host("b"), c] })).toEqual(["a", "c"]);
    expect(kept({ virtualHosts: [host("x"), a, b] })).toEqual(["a", "b"]);
  });

  test("find hosts by what they are for now", () => {
    const moved = before.withRoutes({
      name: "r",
      virtualHosts: [host("b", { domains: ["a"] }), host("a", { domains: ["b"] })],
    });
    expect(moved.routeTable.hostFor("a")?.name).toBe("b");
    expect(moved.routeTable.hostFor("c")).toBeUndefined();
  });

  test("keep none where what hosts inherit has changed", () => {
    expect(kept({ virtualHosts: [a, b, c], maxDirectResponseBodySizeBytes: 5 })).toEqual([]);
    expect(kept({ virtualHosts: [a, b], requestHeadersToRemove: ["x"] })).toEqual([]);
  });

  test("compile hosts with filters of their own anew where they moved: buckets are kept by the place", () => {
    expect(kept({ virtualHosts: [c, a, b] })).toEqual(["a", "b"]);
    for (const it of limitedInside) {
      const last = compiled(a, it);
      const moved = last.withRoutes({ name: "r", virtualHosts: [it, a] }).routeTable.virtualHosts;
      const was = last.routeTable.virtualHosts;
      expect(moved.map((host) => was.includes(host))).toEqual([false, true]);
    }
  });
});

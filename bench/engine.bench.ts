/**
 * What a decision costs: `decide()` on a virtual host with 20 routes behind RBAC, and how it grows with the routes.
 *
 * Run with `bun bench/engine.bench.ts`. Nanoseconds a call, the best of several rounds.
 *
 * @module
 */
import { seededRandom } from "../src/base/random.ts";
import { compileHttp, type CompiledHttp } from "../src/engine/http.ts";
import { compileRegex } from "../src/engine/match/regex.ts";
import type { PeerView, RequestView } from "../src/engine/request.ts";
import { HttpRbac } from "../src/xds/proto/filter-http-rbac.ts";
import { Router } from "../src/xds/proto/filter-router.ts";
import type { HttpFilter } from "../src/xds/proto/http-connection-manager.ts";
import type { Policy } from "../src/xds/proto/rbac.ts";
import type { Route } from "../src/xds/proto/route.ts";
import { pack } from "../src/xds/types/any.ts";

const CALLS = 200_000;
const ROUNDS = 9;

const HEADERS = new Map([
  ["end-user", "bob"],
  ["user-agent", "curl"],
  ["accept", "*/*"],
]);
const request: RequestView = {
  method: "GET",
  path: "/reviews/1?x=y",
  authority: "reviews:9080",
  scheme: "http",
  header: (name) => HEADERS.get(name),
};
const peer: PeerView = {
  tls: true,
  spiffeId: "spiffe://cluster.local/ns/default/sa/productpage",
  sni: undefined,
  remote: { address: "127.0.0.1", port: 40_000 },
  local: { address: "127.0.0.1", port: 9080 },
};

const byUser = (i: number): Route => ({
  match: { prefix: "/reviews", headers: [{ name: "end-user", stringMatch: { exact: `user-${i}` } }] },
  route: { cluster: `c${i}` },
});
const byPath = (i: number): Route => ({ match: { prefix: `/service-${i}/` }, route: { cluster: `c${i}` } });
const last: Route = {
  match: { prefix: "/" },
  route: {
    weightedClusters: {
      clusters: [
        { name: "v1", weight: 90 },
        { name: "v2", weight: 10 },
      ],
    },
  },
};

function policies(count: number): Readonly<Record<string, Policy>> {
  const named = Array.from({ length: count }, (_, i): [string, Policy] => [
    `policy-${i}`,
    {
      permissions: [
        {
          andRules: {
            rules: [
              { header: { name: ":method", stringMatch: { exact: "GET" } } },
              { urlPath: { path: { prefix: "/reviews" } } },
            ],
          },
        },
      ],
      principals: [
        {
          authenticated: {
            principalName: { exact: `spiffe://cluster.local/ns/default/sa/${i === count - 1 ? "productpage" : i}` },
          },
        },
      ],
    },
  ]);
  return Object.fromEntries(named);
}

function manager(routes: readonly Route[], rbac: number): CompiledHttp {
  const filters: HttpFilter[] = [{ name: "router", typedConfig: pack(Router, {}) }];
  if (rbac > 0) filters.unshift({ name: "rbac", typedConfig: pack(HttpRbac, { rules: { policies: policies(rbac) } }) });
  const routeConfig = {
    virtualHosts: [{ name: "reviews", domains: ["reviews:9080", "reviews"], routes: [...routes, last] }],
  };
  return compileHttp({ statPrefix: "bench", httpFilters: filters, routeConfig }, () => undefined);
}

const many = (count: number, make: (i: number) => Route): readonly Route[] =>
  Array.from({ length: count - 1 }, (_, i) => make(i));
const random = seededRandom(1);

function measure(name: string, call: () => unknown): void {
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < ROUNDS; round++) {
    const start = Bun.nanoseconds();
    for (let i = 0; i < CALLS; i++) call();
    best = Math.min(best, (Bun.nanoseconds() - start) / CALLS);
  }
  console.log(`${name.padEnd(60)} ${best.toFixed(0).padStart(7)} ns`);
}

const decide = (http: CompiledHttp) => () => http.decide(request, peer, random);
measure("1 route", decide(manager([], 0)));
measure("20 routes by header, 3 RBAC policies", decide(manager(many(20, byUser), 3)));
measure("20 routes by path, 3 RBAC policies", decide(manager(many(20, byPath), 3)));
measure("10 routes by path", decide(manager(many(10, byPath), 0)));
measure("1000 routes by path", decide(manager(many(1000, byPath), 0)));
measure("1000 routes by header on one prefix", decide(manager(many(1000, byUser), 0)));
const trace = { push: () => undefined };
const traced = manager(many(20, byUser), 3);
measure("20 routes by header, 3 RBAC policies, with a trace", () => traced.decide(request, peer, random, trace));

for (const regex of ["/reviews/.*", "/reviews/\\d+", "(a|b)*/reviews.*x.*"]) {
  const test = compileRegex({ regex }, "regex");
  measure(`regex ${regex}`, () => test("/reviews/12345"));
}
const { normalizePath } = compileHttp(
  {
    statPrefix: "bench",
    httpFilters: [{ name: "router", typedConfig: pack(Router, {}) }],
    routeConfig: {},
    normalizePath: true,
    mergeSlashes: true,
  },
  () => undefined,
);
measure("normalizePath, nothing to do", () => normalizePath("/reviews/1?x=y"));
measure("normalizePath, dot segments", () => normalizePath("/x/../reviews//%31?x=y"));

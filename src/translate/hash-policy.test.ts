import { describe, expect, test } from "bun:test";
import { meshOf, service, workload } from "../../tests/support/mesh.ts";
import type { RouteAction } from "../xds/proto/route-action.ts";
import { policyFor } from "./destination-policy.ts";
import { balancerOf, routeHashPolicy, tcpHashPolicy } from "./hash-policy.ts";
import { outboundRoutes } from "./outbound-routes.ts";

const HOST = "reviews.default.svc.cluster.local";
const caller = { namespace: "default", labels: {}, locality: undefined, sidecar: undefined };
const base = [service("reviews", ["http:9080", "http-b:9081", "tcp:9082"]), workload("reviews", "v1", [9080])];

const rule = (hash: string, more = ""): string =>
  `{apiVersion: networking.istio.io/v1, kind: DestinationRule, metadata: {name: r},
 spec: {host: reviews, trafficPolicy: {loadBalancer: {consistentHash: ${hash}}${more}}, subsets: [{name: v1, labels: {version: v1}},
 {name: v2, labels: {version: v2}, trafficPolicy: {loadBalancer: {consistentHash: {httpHeaderName: x-v2}}}},
 {name: v3, labels: {version: v3}, trafficPolicy: {loadBalancer: {simple: RANDOM}}}]}}`;

const hashOf = (hash: string, subset?: string, port = 9080) =>
  routeHashPolicy(meshOf(...base, rule(hash)), caller, [{ host: HOST, port, subset }]);

describe("hash policies of routes", () => {
  test("of each key", () => {
    expect(hashOf("{httpHeaderName: X-User}")).toEqual([{ header: { headerName: "X-User" } }]);
    expect(hashOf("{httpQueryParameterName: q}")).toEqual([{ queryParameter: { name: "q" } }]);
    expect(hashOf("{useSourceIp: true}")).toEqual([{ connectionProperties: { sourceIp: true } }]);
    expect(hashOf("{httpCookie: {name: c, path: /p, ttl: 5s}}")).toEqual([
      { cookie: { name: "c", path: "/p", ttl: 5000, attributes: [] } },
    ]);
    expect(hashOf("{useSourceIp: false}")).toBeUndefined();
  });

  test("of the subset and the port, as the balancer of their clusters", () => {
    expect(hashOf("{httpHeaderName: a}", "v1")).toEqual([{ header: { headerName: "a" } }]);
    expect(hashOf("{httpHeaderName: a}", "v2")).toEqual([{ header: { headerName: "x-v2" } }]);
    expect(hashOf("{httpHeaderName: a}", "v3")).toBeUndefined();
    const mesh = meshOf(
      ...base,
      rule("{httpHeaderName: a}", ", portLevelSettings: [{port: {number: 9081}, loadBalancer: {simple: RANDOM}}]"),
    );
    expect(routeHashPolicy(mesh, caller, [{ host: HOST, port: 9081 }])).toBeUndefined();
    expect(routeHashPolicy(mesh, caller, [{ host: "nobody", port: 9081 }])).toBeUndefined();
  });

  test("of a port's own settings, where the rule itself hashes nothing", () => {
    const plain = `{apiVersion: networking.istio.io/v1, kind: DestinationRule, metadata: {name: r}, spec: {host: reviews,
 trafficPolicy: {portLevelSettings: [{port: {number: 9081}, loadBalancer: {consistentHash: {httpHeaderName: x-port}}}]}}}`;
    const of = (port: number) => routeHashPolicy(meshOf(...base, plain), caller, [{ host: HOST, port }]);
    expect(of(9081)).toEqual([{ header: { headerName: "x-port" } }]);
    expect(of(9080)).toBeUndefined();
  });

  test("a TCP proxy knows the source IP only", () => {
    const to = [{ host: HOST, port: 9082 }];
    const of = (hash: string) => tcpHashPolicy(meshOf(...base, rule(hash)), caller, to);
    expect(of("{useSourceIp: true}")).toEqual([{ sourceIp: {} }]);
    expect(of("{httpHeaderName: a}")).toBeUndefined();
  });
});

test.each([
  ["{useSourceIp: true}", { lbPolicy: "RING_HASH", ringHashLbConfig: { minimumRingSize: 1024 } }],
  ["{useSourceIp: true, minimumRingSize: 7}", { lbPolicy: "RING_HASH", ringHashLbConfig: { minimumRingSize: 7 } }],
  [
    "{useSourceIp: true, ringHash: {minimumRingSize: 9}}",
    { lbPolicy: "RING_HASH", ringHashLbConfig: { minimumRingSize: 9 } },
  ],
  ["{useSourceIp: true, maglev: {}}", { lbPolicy: "MAGLEV", maglevLbConfig: { tableSize: undefined } }],
  ["{useSourceIp: true, maglev: {tableSize: 11}}", { lbPolicy: "MAGLEV", maglevLbConfig: { tableSize: 11 } }],
] as const)("the balancer of %s", (hash, expected) => {
  const mesh = meshOf(...base, rule(hash));
  const [found] = mesh.destinationRules;
  if (found === undefined) throw new Error("no rule");
  expect(balancerOf(policyFor(found, undefined, 9080))).toEqual(expected);
});

describe("routes to a service that hashes", () => {
  const action = (...yaml: readonly string[]): RouteAction | undefined =>
    outboundRoutes(meshOf(...base, rule("{httpHeaderName: a}"), ...yaml), {
      ...caller,
      outboundSuffix: "",
      secretName: "default",
      gateway: undefined,
      captured: false,
    }).virtualHosts?.find(({ name }) => name === `${HOST}:9080`)?.routes?.[0]?.route;
  const rules = (http: string): string =>
    `{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: r}, spec: {hosts: [reviews], http: ${http}}}`;

  test("have its key, and another attempt stays with the endpoint", () => {
    for (const found of [action(), action(rules("[{route: [{destination: {host: reviews}}]}]"))]) {
      expect(found?.hashPolicy).toEqual([{ header: { headerName: "a" } }]);
      expect(found?.retryPolicy?.retryHostPredicate).toBeUndefined();
    }
  });

  test("have attempts elsewhere where the rule says so", () => {
    const found = action(
      rules("[{retries: {attempts: 1, retryIgnorePreviousHosts: true}, route: [{destination: {host: reviews}}]}]"),
    );
    expect(found?.retryPolicy?.retryHostPredicate).toHaveLength(1);
  });

  test("of several destinations have the key of each", () => {
    const found = action(
      rules(`[{route: [{destination: {host: reviews, subset: v2}, weight: 1}, {destination: {host: reviews, subset: v3}, weight: 1},
 {destination: {host: reviews, subset: v1}, weight: 0}, {destination: {host: reviews}, weight: 2}]}]`),
    );
    expect(found?.hashPolicy).toEqual([{ header: { headerName: "x-v2" } }, { header: { headerName: "a" } }]);
  });
});

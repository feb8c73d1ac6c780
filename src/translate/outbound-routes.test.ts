import { describe, expect, test } from "bun:test";
import { meshOf, service, workload } from "../../tests/support/mesh.ts";
import type { Route, RouteConfiguration, VirtualHost } from "../xds/proto/route.ts";
import { HTTPFault } from "../xds/proto/filter-fault.ts";
import { type AnyMessage, unpack } from "../xds/types/any.ts";
import { outboundRoutes } from "./outbound-routes.ts";
import type { Scope } from "./scope.ts";

const scope: Scope = {
  namespace: "default",
  labels: {},
  locality: undefined,
  sidecar: undefined,
  outboundSuffix: "",
  secretName: "default",
  gateway: undefined,
  captured: false,
};
const base = [
  service("reviews", ["http:9080", "http-b:9081", "tcp:9082"]),
  service("ratings", ["http:80:8080"]),
  service("other", ["http:80:8080"], "foo"),
  workload("reviews", "v1", [9080]),
];
const cluster = (host: string, port = 9080, subset = ""): string =>
  `outbound|${port}|${subset}|${host}.default.svc.cluster.local`;

const configure = (...yaml: readonly string[]): RouteConfiguration => outboundRoutes(meshOf(...base, ...yaml), scope);

function hostNamed(config: RouteConfiguration, name: string): VirtualHost {
  const found = config.virtualHosts?.find((v) => v.name === name);
  if (found === undefined)
    throw new Error(`no virtual host ${name}, only ${config.virtualHosts?.map((v) => v.name).join(" ")}`);
  return found;
}

/** The routes for `reviews:9080` under a VirtualService with these `http` rules. */
function rules(http: string, port = 9080): readonly Route[] {
  const yaml = `{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: r},
 spec: {hosts: [reviews], http: ${http}}}`;
  return hostNamed(configure(yaml), `reviews.default.svc.cluster.local:${port}`).routes ?? [];
}

describe("virtual hosts", () => {
  test("one for each service port that speaks HTTP, one for CONNECT to each that does not, and one for every other host", () => {
    expect(configure().virtualHosts?.map((v) => v.name)).toEqual([
      "reviews.default.svc.cluster.local:9080",
      "reviews.default.svc.cluster.local:9081",
      "reviews.default.svc.cluster.local:9082|connect",
      "ratings.default.svc.cluster.local:80",
      "other.foo.svc.cluster.local:80",
      "allow_any",
    ]);
  });

  test("under REGISTRY_ONLY all others are refused, with Istio's status", () => {
    const mesh =
      "{apiVersion: tulle.dev/v1, kind: Mesh, metadata: {name: mesh}, spec: {outboundTrafficPolicy: {mode: REGISTRY_ONLY}}}";
    const others = configure(mesh).virtualHosts?.at(-1);
    expect([others?.name, others?.domains, others?.routes?.map((r) => r.directResponse?.status)]).toEqual([
      "block_all",
      ["*"],
      [502],
    ]);
  });

  test.each([
    ["localhost:8080", "allow_localhost"],
    ["nobody", "block_mesh"],
    ["reviews:1", "block_mesh"],
    ["nobody.default:80", "block_mesh"],
    ["nobody.elsewhere:80", "allow_any"],
    ["x.y.svc:80", "block_mesh"],
    ["X.y.SVC.cluster.local.", "block_mesh"],
    ["svc.cluster.local.example.com", "allow_any"],
    ["10.0.0.1:80", "allow_any"],
    ["[::1]:80", "allow_any"],
  ])("under ALLOW_ANY what can only be of the mesh is not looked up: %s, %s", (authority, name) => {
    const routes = configure().virtualHosts?.at(-1)?.routes ?? [];
    const matched = routes.find(({ match }) => {
      const regex = match?.headers?.[0]?.stringMatch?.safeRegex?.regex;
      return regex === undefined || new RegExp(`^(?:${regex.replace("(?i)", "")})$`, "i").test(authority);
    });
    expect(matched?.name).toBe(name);
  });

  test("names without a port mean port 80; the shortest only holds in its namespace", () => {
    const full = "other.foo.svc.cluster.local";
    const names = [full, `${full}.`, "other.foo.svc", "other.foo"];
    const expected = names.flatMap((name) => [name, `${name}:80`]);
    expect(hostNamed(configure(), `${full}:80`).domains).toEqual(expected);
    const reviews = hostNamed(configure(), "reviews.default.svc.cluster.local:9080").domains;
    expect(reviews).toContain("reviews:9080");
    expect(reviews).not.toContain("reviews");
  });

  test("a host that is no service answers at every port, and its wildcard at the ports of the mesh", () => {
    const config = configure(`{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: r},
 spec: {hosts: [a.example.com, "*.b.example.com"], http: [{match: [{port: 77}], route: [{destination: {host: ratings}}]},
 {route: [{destination: {host: reviews}}]}]}}`);
    expect(hostNamed(config, "a.example.com:*").domains).toEqual(["a.example.com:*", "a.example.com.:*"]);
    expect(hostNamed(config, "a.example.com:80").domains).toContain("a.example.com");
    expect(hostNamed(config, "a.example.com:77").routes?.map((r) => r.route?.cluster)).toEqual([
      cluster("ratings", 80),
    ]);
    expect(hostNamed(config, "*.b.example.com:9081").domains).toEqual(["*.b.example.com:9081"]);
    expect(hostNamed(config, "*.b.example.com:9081").routes?.[0]?.route?.cluster).toBe(cluster("reviews", 9081));
  });

  test("the first VirtualService of a host holds, and one that names it before a wildcard", () => {
    const to = (name: string, host: string, target: string): string =>
      `{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: ${name}},
 spec: {hosts: ["${host}"], http: [{route: [{destination: {host: ${target}}}]}]}}`;
    const wild = to("w", "*.default.svc.cluster.local", "other.foo.svc.cluster.local");
    const config = configure(wild, to("a", "reviews", "ratings"), to("b", "reviews", "reviews"));
    const chosen = (name: string): unknown => hostNamed(config, name).routes?.[0]?.route?.cluster;
    expect(chosen("reviews.default.svc.cluster.local:9080")).toBe(cluster("ratings", 80));
    expect(chosen("ratings.default.svc.cluster.local:80")).toBe("outbound|80||other.foo.svc.cluster.local");
  });

  test("a VirtualService without a rule for the caller leaves the host to the next one, not to a wildcard's", () => {
    const to = (name: string, host: string, match: string, target: string): string =>
      `{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: ${name}},
 spec: {hosts: ["${host}"], http: [{match: [${match}], route: [{destination: {host: ${target}}}]}]}}`;
    const [elsewhere, at9081, here] = ["{sourceNamespace: foo}", "{port: 9081}", "{uri: {prefix: /}}"];
    const chosen = (host: string, port: number, ...rules: readonly string[]): unknown =>
      hostNamed(configure(...rules), `${host}:${port}`).routes?.map((it) => it.route?.cluster);
    const reviews = "reviews.default.svc.cluster.local";
    const first = to("a", "reviews", elsewhere, "other.foo.svc.cluster.local");
    const wild = to("w", "*.svc.cluster.local", here, "other.foo.svc.cluster.local");
    const ratings = [cluster("ratings", 80)];
    const other = ["outbound|80||other.foo.svc.cluster.local"];
    expect(chosen(reviews, 9080, first, to("b", "reviews", here, "ratings"))).toEqual(ratings);
    expect(chosen(reviews, 9080, first, wild)).toEqual([cluster("reviews")]);
    expect(
      chosen(
        reviews,
        9080,
        to("a", "reviews", at9081, "ratings"),
        to("b", "reviews", here, "other.foo.svc.cluster.local"),
      ),
    ).toEqual(other);
    expect(chosen(reviews, 9081, to("a", "reviews", at9081, "ratings"), wild)).toEqual(ratings);
    expect(chosen(reviews, 9080, first)).toEqual([cluster("reviews")]);
    const outside = [to("a", "a.example.com", elsewhere, "reviews"), to("b", "a.example.com", here, "ratings")];
    expect(chosen("a.example.com", 80, ...outside)).toEqual(ratings);
  });
});

describe("rules", () => {
  test("a service without rules is called with Istio's defaults and no time limit", () => {
    const [route] = hostNamed(configure(), "reviews.default.svc.cluster.local:9081").routes ?? [];
    expect(route?.name).toBe("default");
    expect(route?.route?.cluster).toBe(cluster("reviews", 9081));
    expect(route?.route?.timeout).toBe(0);
    expect(route?.route?.maxGrpcTimeout).toBe(0);
    expect(route?.route?.retryPolicy?.numRetries).toBe(2);
    expect(route?.route?.retryPolicy?.retryOn).toBe(
      "connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes",
    );
  });

  test("each match is a route, with the name and place of its rule; nothing stands behind one that takes everything", () => {
    const routes = rules(`[{name: a, match: [{name: m, uri: {exact: /x}}, {uri: {regex: "/y.*"}}],
 route: [{destination: {host: reviews}}]}, {route: [{destination: {host: ratings}}]}, {route: [{destination: {host: reviews}}]}]`);
    expect(routes.map((r) => [r.name, r.match])).toEqual([
      ["a.m", { path: "/x", caseSensitive: undefined, headers: undefined }],
      ["a", { safeRegex: { regex: "/y.*" }, caseSensitive: undefined, headers: undefined }],
      [undefined, { prefix: "/" }],
    ]);
    const places = routes.map((r) => r.metadata?.filterMetadata?.["tulle"]);
    expect(places[0]).toMatchObject({ kind: "VirtualService", name: "r", file: "mesh.yaml", rule: "a" });
    expect(places[2]).toMatchObject({ rule: "http[1]" });
  });

  test("a rule that gives no timeout has none, where Envoy's own default is 15 s", () => {
    expect(rules("[{route: [{destination: {host: reviews}}]}]")[0]?.route?.timeout).toBe(0);
  });

  test("a match on a port holds at that port alone", () => {
    const http = `[{match: [{port: 9081}], route: [{destination: {host: ratings}}]}, {match: [{uri: {prefix: /}}],
 route: [{destination: {host: reviews}}]}]`;
    expect(rules(http).map((r) => r.route?.cluster)).toEqual([cluster("reviews")]);
    expect(rules(http, 9081).map((r) => r.route?.cluster)).toEqual([cluster("ratings", 80)]);
  });

  test("headers that must not be there, and query parameters", () => {
    const [route, next] =
      rules(`[{match: [{withoutHeaders: {b: {}, a: {exact: x}}, headers: {aa: {}}, queryParams: {z: {}, q: {prefix: x}}}],
 route: [{destination: {host: reviews}}]}, {match: [{queryParams: {q: {}}}], route: [{destination: {host: reviews}}]},
 {route: [{destination: {host: ratings}}]}]`);
    expect(route?.match?.headers).toEqual([
      { name: "a", stringMatch: { exact: "x" }, invertMatch: true, treatMissingHeaderAsEmpty: true },
      { name: "aa", presentMatch: true },
      { name: "b", presentMatch: true, invertMatch: true, treatMissingHeaderAsEmpty: undefined },
    ]);
    expect(route?.match?.queryParameters).toEqual([
      { name: "q", stringMatch: { prefix: "x" } },
      { name: "z", presentMatch: true },
    ]);
    expect(next?.match?.queryParameters).toHaveLength(1);
  });

  test("redirects: a port is left out where it is the scheme's own, or kept from the request", () => {
    const portOf = (redirect: string): unknown => rules(`[{redirect: {${redirect}}}]`)[0]?.redirect?.portRedirect;
    expect(portOf("port: 80")).toBeUndefined();
    expect(portOf("port: 443")).toBe(443);
    expect(portOf("port: 443, scheme: https")).toBeUndefined();
    expect(portOf("port: 80, scheme: https")).toBe(80);
    expect(portOf("derivePort: FROM_REQUEST_PORT")).toBe(9080);
    expect(portOf("derivePort: FROM_PROTOCOL_DEFAULT")).toBeUndefined();
    expect(rules("[{redirect: {prefixRewrite: /b}}]")[0]?.redirect).toMatchObject({
      prefixRewrite: "/b",
      pathRedirect: undefined,
    });
  });

  test("direct responses, and rewrites by expression", () => {
    const [direct, bare] = rules(`[{match: [{uri: {exact: /a}}], directResponse: {status: 503, body: {string: later}},
 headers: {response: {set: {a: b}}}}, {directResponse: {status: 200}}]`);
    expect(direct?.directResponse).toEqual({ status: 503, body: { inlineString: "later" } });
    expect(direct?.responseHeadersToAdd).toHaveLength(1);
    expect(bare?.directResponse).toEqual({ status: 200, body: undefined });
    const [regex] = rules(
      `[{rewrite: {uriRegexRewrite: {match: a(b), rewrite: "\\\\1"}}, route: [{destination: {host: reviews}}]}]`,
    );
    expect(regex?.route?.regexRewrite).toEqual({ pattern: { regex: "a(b)" }, substitution: "\\1" });
    expect(configure().maxDirectResponseBodySizeBytes).toBe(1_048_576);
  });

  test("headers, method, authority and scheme are matched, in a fixed order", () => {
    const [route] = rules(`[{match: [{headers: {z: {}, a: {prefix: x}}, method: {exact: GET}, authority: {regex: "r.*"},
 scheme: {exact: http}, uri: {prefix: /A}, ignoreUriCase: true}], route: [{destination: {host: reviews}}]}]`);
    expect(route?.match).toEqual({
      prefix: "/A",
      caseSensitive: false,
      headers: [
        { name: "a", stringMatch: { prefix: "x" } },
        { name: "z", presentMatch: true },
        { name: ":method", stringMatch: { exact: "GET" } },
        { name: ":authority", stringMatch: { safeRegex: { regex: "r.*" } } },
        { name: ":scheme", stringMatch: { exact: "http" } },
      ],
    });
  });

  test("weights are kept, and a destination of weight 0 is left out", () => {
    const [split, single] =
      rules(`[{match: [{uri: {exact: /}}], route: [{destination: {host: reviews, subset: v1}, weight: 3},
 {destination: {host: reviews, subset: v2, port: {number: 9081}}, weight: 1}, {destination: {host: ratings}, weight: 0}]},
 {route: [{destination: {host: reviews}, weight: 0}, {destination: {host: ratings}, weight: 1}]}]`);
    expect(split?.route?.weightedClusters?.clusters?.map((c) => [c.name, c.weight])).toEqual([
      [cluster("reviews", 9080, "v1"), 3],
      [cluster("reviews", 9081, "v2"), 1],
    ]);
    expect(single?.route?.weightedClusters?.clusters).toEqual([{ name: cluster("ratings", 80), weight: 1 }]);
  });

  test("a rule's edits come before those of its one destination, and after those of several, whatever their weights", () => {
    const set = (to: string): string => `headers: {request: {set: {x-a: ${to}}}}`;
    const one = `{destination: {host: reviews}, weight: 100, ${set("destination")}}`;
    const [alone, beside] = rules(`[{match: [{uri: {exact: /}}], ${set("rule")}, route: [${one}]},
 {${set("rule")}, route: [${one}, {destination: {host: ratings}, weight: 0}]}]`);
    const values = (it: { readonly requestHeadersToAdd?: readonly unknown[] | undefined } | undefined) =>
      it?.requestHeadersToAdd?.map((edit) => JSON.stringify(edit).match(/"value":"(\w+)"/)?.[1]);
    expect(values(alone)).toEqual(["rule", "destination"]);
    expect(values(beside)).toEqual(["rule"]);
    expect(values(beside?.route?.weightedClusters?.clusters?.[0])).toEqual(["destination"]);
  });

  test("of rewrite.authority and the host that a destination sets, the first holds", () => {
    const to = "route: [{destination: {host: reviews}, headers: {request: {set: {host: two.example}}}}]";
    const [both, one] = rules(`[{match: [{uri: {exact: /}}], rewrite: {authority: one.example}, ${to}}, {${to}}]`);
    expect([both?.route?.hostRewriteLiteral, one?.route?.hostRewriteLiteral]).toEqual(["one.example", "two.example"]);
  });

  test("a route is named by rule and match as Istio names it", () => {
    const names =
      rules(`[{name: r, match: [{name: m, uri: {prefix: /a}}, {uri: {prefix: /b}}], route: [{destination: {host: reviews}}]},
 {match: [{name: m, uri: {prefix: /c}}, {uri: {prefix: /d}}], route: [{destination: {host: reviews}}]}]`).map(
        (it) => it.name,
      );
    expect(names).toEqual(["r.m", "r", ".m", undefined]);
  });

  test("rules of which none is for the caller are as none", () => {
    const spec = (hosts: string) =>
      `{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: r},
 spec: {hosts: [${hosts}], http: [{match: [{gateways: [edge]}], route: [{destination: {host: ratings}}]}]}}`;
    const config = configure(spec("reviews, outside.example"));
    const host = hostNamed(config, "reviews.default.svc.cluster.local:9080");
    expect(host.routes?.map((it) => [it.name, it.route?.cluster])).toEqual([["default", cluster("reviews", 9080)]]);
    expect(config.virtualHosts?.filter(({ name }) => name?.includes("outside"))).toEqual([]);
  });

  test("retries: status codes have a list of their own, 0 attempts none at all", () => {
    const [given, bare, off] = rules(`[{match: [{uri: {exact: /a}}], retries: {attempts: 3, perTryTimeout: 2s,
 retryOn: "5xx,503,reset,429"}, timeout: 4s, route: [{destination: {host: reviews}}]},
 {match: [{uri: {exact: /b}}], retries: {attempts: 5}, route: [{destination: {host: reviews}}]},
 {retries: {attempts: 0}, route: [{destination: {host: reviews}}]}]`);
    expect(given?.route?.timeout).toBe(4000);
    expect(given?.route?.retryPolicy).toMatchObject({
      retryOn: "5xx,reset,retriable-status-codes",
      retriableStatusCodes: [503, 429],
      numRetries: 3,
      perTryTimeout: 2000,
      hostSelectionRetryMaxAttempts: 5,
    });
    expect(bare?.route?.retryPolicy?.retryOn).toContain("connect-failure,");
    const [again] = rules(
      `[{retries: {attempts: 1, backoff: 0.1s, retryIgnorePreviousHosts: false}, route: [{destination: {host: reviews}}]}]`,
    );
    expect(again?.route?.retryPolicy).toMatchObject({ retryBackOff: { baseInterval: 100 } });
    expect(again?.route?.retryPolicy?.retryHostPredicate).toBeUndefined();
    expect(off?.route?.retryPolicy).toBeUndefined();
  });

  test("edits: of one destination beside the rule's, and the authority by a field of its own", () => {
    const [route] = rules(`[{headers: {request: {set: {X-A: "1", Host: rule}, remove: [X-B]}}, rewrite: {uri: /v2},
 route: [{destination: {host: reviews}, headers: {request: {add: {x-c: "5% of %PROTOCOL%", host: own}}, response: {set: {x-d: ""}}}}]}]`);
    expect(route?.route).toMatchObject({ hostRewriteLiteral: "own", prefixRewrite: "/v2" });
    expect(route?.requestHeadersToAdd).toEqual([
      { header: { key: "x-a", value: "1" }, appendAction: "OVERWRITE_IF_EXISTS_OR_ADD", keepEmptyValue: undefined },
      {
        header: { key: "x-c", value: "5%% of %PROTOCOL%" },
        appendAction: "APPEND_IF_EXISTS_OR_ADD",
        keepEmptyValue: undefined,
      },
    ]);
    expect(route?.requestHeadersToRemove).toEqual(["x-b"]);
    expect(route?.responseHeadersToAdd?.[0]?.keepEmptyValue).toBe(true);
  });

  test("a fault travels with its route, its percentages in millionths", () => {
    const [route] = rules(`[{fault: {delay: {percentage: {value: 0.01}, fixedDelay: 5s},
 abort: {percentage: {value: 50}, httpStatus: 503}}, route: [{destination: {host: reviews}}]}]`);
    const config = route?.typedPerFilterConfig?.["envoy.filters.http.fault"] as AnyMessage;
    expect(unpack(config, HTTPFault)).toEqual({
      delay: { fixedDelay: 5000, percentage: { numerator: 100, denominator: "MILLION" } },
      abort: { httpStatus: 503, percentage: { numerator: 500_000, denominator: "MILLION" } },
    });
  });

  test("mirrors, as Istio says them: each with its part, under the host that was called", () => {
    const [route] = rules(`[{route: [{destination: {host: reviews}}], mirrors: [
 {destination: {host: ratings}}, {destination: {host: reviews, subset: v2, port: {number: 9081}}, percentage: {value: 0.5}},
 {destination: {host: ratings}, percentage: {value: 0}}]}]`);
    const mirror = (name: string, numerator: number) => ({
      cluster: name,
      runtimeFraction: { defaultValue: { numerator, denominator: "MILLION" as const } },
      traceSampled: false,
      disableShadowHostSuffixAppend: true,
    });
    expect(route?.route?.requestMirrorPolicies).toEqual([
      mirror(cluster("ratings", 80), 1_000_000),
      mirror(cluster("reviews", 9081, "v2"), 5000),
    ]);
    const [without] = rules(
      "[{route: [{destination: {host: reviews}}], mirror: {host: ratings}, mirrorPercentage: {value: 0}}]",
    );
    expect(without?.route?.requestMirrorPolicies).toBeUndefined();
  });

  test("a redirect names what it changes", () => {
    const [route] = rules("[{redirect: {uri: /new, authority: b.example.com, redirectCode: 307}}]");
    expect(route?.route).toBeUndefined();
    expect(route?.redirect).toEqual({
      pathRedirect: "/new",
      hostRedirect: "b.example.com",
      schemeRedirect: undefined,
      portRedirect: undefined,
      responseCode: "TEMPORARY_REDIRECT",
    });
  });
});

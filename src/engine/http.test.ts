import { describe, expect, test } from "bun:test";
import { compile, decide, forward, hcm, never, reply, routesOf, to } from "../../tests/support/http-manager.ts";
import { peerOf, type RequestParts } from "../../tests/support/requests.ts";
import { seededRandom } from "../base/random.ts";
import type { Route, RouteConfiguration } from "../xds/proto/route.ts";
import { compileHttp, type Forward } from "./http.ts";

describe("routes", () => {
  test("the first that matches, by path without query and by headers", () => {
    const http = compile(
      routesOf([
        { match: { path: "/exact" }, route: { cluster: "exact" } },
        { match: { pathSeparatedPrefix: "/seg" }, route: { cluster: "segments" } },
        {
          match: { prefix: "/", headers: [{ name: "end-user", stringMatch: { exact: "jason" } }] },
          route: { cluster: "jason" },
        },
        { match: { safeRegex: { regex: "/r/\\d+" } }, route: { cluster: "regex" } },
        { match: { prefix: "/CASE", caseSensitive: false }, route: { cluster: "case" } },
        {
          match: { prefix: "/q", queryParameters: [{ name: "a", stringMatch: { exact: "1" } }] },
          route: { cluster: "query" },
        },
        { match: { prefix: "/p" }, route: { cluster: "prefix" } },
      ]),
    );
    const clusterOf = (path: string, headers = {}): string => {
      const decision = decide(http, path, { headers });
      return decision.t === "forward" ? decision.clusterName : "none";
    };
    expect(clusterOf("/exact?x=/y")).toBe("exact");
    expect(clusterOf("/exact/")).toBe("none");
    expect(clusterOf("/seg")).toBe("segments");
    expect(clusterOf("/seg/x")).toBe("segments");
    expect(clusterOf("/segment")).toBe("none");
    expect(clusterOf("/anything", { "end-user": "jason" })).toBe("jason");
    expect(clusterOf("/r/12?a")).toBe("regex");
    expect(clusterOf("/r/12/")).toBe("none");
    expect(clusterOf("/cAsE/x")).toBe("case");
    expect(clusterOf("/q?b=2&a=1")).toBe("query");
    expect(clusterOf("/q?b=2")).toBe("none");
    expect(clusterOf("/p#f")).toBe("prefix");
  });

  test("the same decision object each time", () => {
    const http = compile(routesOf([to("a")]));
    expect(decide(http, "/x")).toBe(decide(http, "/y"));
  });

  test("many routes give what few give", () => {
    const many = Array.from({ length: 100 }, (_, i) => to(`c${i}`, `/service-${i}/`));
    const http = compile(routesOf([...many, to("rest")]));
    expect(forward(decide(http, "/service-42/x")).clusterName).toBe("c42");
    expect(forward(decide(http, "/service-420/x")).clusterName).toBe("rest");
  });

  test("no route and no virtual host are 404", () => {
    const http = compile({ virtualHosts: [{ name: "v", domains: ["a"], routes: [to("x", "/x")] }] });
    for (const authority of ["a", "b"]) {
      expect(reply(decide(http, "/y", { authority }))).toMatchObject({
        status: 404,
        flag: "NR",
        details: "route_not_found",
      });
    }
  });

  test("ports of the authority", () => {
    const routes: RouteConfiguration = { virtualHosts: [{ name: "v", domains: ["reviews"], routes: [to("x")] }] };
    expect(decide(compile(routes), "/").t).toBe("reply");
    expect(decide(compile({ ...routes, ignorePortInHostMatching: true }), "/").t).toBe("forward");
  });

  test("fractions and weights go by one draw", () => {
    const weighted = {
      clusters: [
        { name: "a", weight: 90 },
        { name: "b", weight: 10, requestHeadersToAdd: [{ header: { key: "x-canary", value: "1" } }] },
      ],
    };
    const http = compile(routesOf([{ match: { prefix: "/" }, route: { weightedClusters: weighted } }]));
    const at = (value: number): Forward => forward(decide(http, "/", {}, () => value / 2 ** 32));
    expect([0, 89, 90, 99, 100, 190].map((value) => at(value).clusterName)).toEqual(["a", "a", "b", "b", "a", "b"]);
    expect(at(90).requestHeaders.map(({ name }) => name)).toEqual(["x-canary"]);
    expect(at(90)).toBe(at(95));
    const half = {
      match: { prefix: "/", runtimeFraction: { defaultValue: { numerator: 50 } } },
      route: { cluster: "half" },
    };
    const chance = compile(routesOf([half, to("rest")]));
    expect([0, 49, 50].map((v) => forward(decide(chance, "/", {}, () => v / 2 ** 32)).clusterName)).toEqual([
      "half",
      "half",
      "rest",
    ]);
  });

  test("weights keep their shares", () => {
    const clusters = [
      { name: "a", weight: 1 },
      { name: "b", weight: 3 },
    ];
    const http = compile(routesOf([{ match: { prefix: "/" }, route: { weightedClusters: { clusters } } }]));
    const random = seededRandom(7);
    let b = 0;
    for (let i = 0; i < 40_000; i++) if (forward(decide(http, "/", {}, random)).clusterName === "b") b++;
    expect(b / 40_000).toBeCloseTo(0.75, 2);
  });

  test("header edits go from the most specific level to the least", () => {
    const add = (value: string) => ({
      requestHeadersToAdd: [{ header: { key: "x", value }, appendAction: "OVERWRITE_IF_EXISTS_OR_ADD" as const }],
    });
    const weightedClusters = { clusters: [{ name: "a", weight: 1, ...add("cluster"), requestHeadersToRemove: ["y"] }] };
    const config: RouteConfiguration = {
      ...routesOf([{ match: { prefix: "/" }, route: { weightedClusters }, ...add("route") }], add("host")),
      ...add("config"),
    };
    const operations = (c: RouteConfiguration) =>
      forward(decide(compile(c), "/")).requestHeaders.map(({ t, value }) => `${t} ${value ?? ""}`.trim());
    expect(operations(config)).toEqual(["remove", "set cluster", "set route", "set host", "set config"]);
    expect(operations({ ...config, mostSpecificHeaderMutationsWins: true })).toEqual([
      "set config",
      "set host",
      "set route",
      "remove",
      "set cluster",
    ]);
  });

  test("rewrites", () => {
    const rewrite = (match: Route["match"], route: Route["route"], path: string): string | undefined =>
      forward(decide(compile(routesOf([{ match, route: { cluster: "a", ...route } }])), path)).route.rewritePath?.(
        path,
      );
    expect(rewrite({ prefix: "/a/" }, { prefixRewrite: "/" }, "/a/b?q=/a/")).toBe("/b?q=/a/");
    expect(rewrite({ path: "/a" }, { prefixRewrite: "/z" }, "/a?q")).toBe("/z?q");
    for (const bad of ["/z\r\nx: 1", "/z HTTP/1.1", "/z#f", "/\u0000"])
      expect(() => rewrite({ path: "/a" }, { prefixRewrite: bad }, "/a")).toThrow(
        /prefix_rewrite: must be of a path's characters/,
      );
    expect(rewrite({ safeRegex: { regex: "/a/.*" } }, { prefixRewrite: "/z" }, "/a/b?q")).toBe("/z?q");
    const regexRewrite = { pattern: { regex: "/x" }, substitution: "/y" };
    expect(rewrite({ prefix: "/" }, { regexRewrite }, "/x/x?a=/x")).toBe("/y/y?a=/x");
    expect(rewrite({ prefix: "/" }, {}, "/")).toBeUndefined();
  });

  test("timeouts and policies stand on the route, with their defaults", () => {
    const retryPolicy = { retryOn: "5xx" };
    const http = compile(
      routesOf([{ match: { path: "/a" }, route: { cluster: "a", timeout: 0, retryPolicy } }, to("b")], {
        retryPolicy: { retryOn: "reset" },
        includeRequestAttemptCount: true,
      }),
    );
    const { route: a } = forward(decide(http, "/a"));
    const { route: b } = forward(decide(http, "/b"));
    expect(a).toMatchObject({
      timeoutMs: 0,
      retryPolicyMessage: retryPolicy,
      virtualHostRetryPolicy: { retryOn: "reset" },
    });
    expect(b).toMatchObject({ timeoutMs: 15_000, retryPolicyMessage: undefined, clusterNotFoundStatus: 503 });
    expect(b.includeAttemptCount).toEqual({ request: true, response: false });
  });

  test("the document that a route comes from", () => {
    const tulle = {
      kind: "VirtualService",
      namespace: "default",
      name: "reviews",
      file: "reviews.yaml",
      line: 12,
      column: 5,
      rule: "jason",
    };
    const http = compile(routesOf([{ ...to("a"), metadata: { filterMetadata: { tulle } } }]));
    expect(forward(decide(http, "/")).route.origin).toEqual(tulle);
  });
});

describe("redirects and direct responses", () => {
  const locationOf = (
    redirect: Route["redirect"],
    path: string,
    parts?: RequestParts,
    match: Route["match"] = { prefix: "/" },
  ) => {
    const found = reply(decide(compile(routesOf([{ match, redirect }])), path, parts));
    return [found.status, found.headers.find(([name]) => name === "location")?.[1]];
  };

  test("each part of the URL", () => {
    expect(locationOf({ hostRedirect: "new" }, "/a?b")).toEqual([301, "http://new/a?b"]);
    expect(locationOf({ pathRedirect: "/n" }, "/a?b")).toEqual([301, "http://reviews:9080/n?b"]);
    expect(locationOf({ pathRedirect: "/n?c" }, "/a?b")).toEqual([301, "http://reviews:9080/n?c"]);
    expect(locationOf({ pathRedirect: "/n", stripQuery: true }, "/a?b")).toEqual([301, "http://reviews:9080/n"]);
    expect(locationOf({ prefixRewrite: "/z/" }, "/a/b?c", {}, { prefix: "/a/" })).toEqual([
      301,
      "http://reviews:9080/z/b?c",
    ]);
    expect(locationOf({ stripQuery: true, responseCode: "FOUND" }, "/a?b")).toEqual([302, "http://reviews:9080/a"]);
    expect(locationOf({ httpsRedirect: true }, "/a")).toEqual([301, "https://reviews:9080/a"]);
    expect(locationOf({ httpsRedirect: true }, "/a", { authority: "a:80" })).toEqual([301, "https://a/a"]);
    expect(locationOf({ schemeRedirect: "ftp", portRedirect: 21 }, "/a", { authority: "[::1]:80" })).toEqual([
      301,
      "ftp://[::1]:21/a",
    ]);
    expect(locationOf({ responseCode: "PERMANENT_REDIRECT" }, "/")).toEqual([308, "http://reviews:9080/"]);
  });

  test("require_tls", () => {
    const http = compile(routesOf([to("a")], { requireTls: "ALL" }));
    expect(reply(decide(http, "/p?q")).headers).toEqual([["location", "https://reviews:9080/p?q"]]);
    expect(decide(http, "/", { headers: { "x-forwarded-proto": "https" } }).t).toBe("forward");
  });

  test("an edge does not believe x-forwarded-proto", () => {
    const routeConfig = routesOf([to("a")], { requireTls: "ALL" });
    const http = compileHttp(hcm({ routeConfig, useRemoteAddress: true }), () => undefined);
    expect(decide(http, "/", { headers: { "x-forwarded-proto": "https" } }).t).toBe("reply");
    expect(decide(http, "/", {}, never, peerOf("spiffe://a/b")).t).toBe("forward");
  });

  test("a direct response", () => {
    const directResponse = { status: 201, body: { inlineString: "made" } };
    const http = compile(routesOf([{ match: { prefix: "/" }, directResponse }]));
    expect(reply(decide(http, "/"))).toMatchObject({
      status: 201,
      body: "made",
      flag: "",
      details: "direct_response",
      kind: undefined,
    });
    const large = { status: 200, body: { inlineString: "é".repeat(2049) } };
    expect(() => compile(routesOf([{ match: { prefix: "/" }, directResponse: large }]))).toThrow(
      "4096 bytes, found 4098",
    );
  });
});

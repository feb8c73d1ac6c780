import { describe, expect, test } from "bun:test";
import { compile, decide, fault, forward, hcm, ROUTER, routesOf, to } from "../../tests/support/http-manager.ts";
import { PLAIN_PEER, request } from "../../tests/support/requests.ts";
import { Router } from "../xds/proto/filter-router.ts";
import type { HttpConnectionManager } from "../xds/proto/http-connection-manager.ts";
import type { Route } from "../xds/proto/route.ts";
import { pack } from "../xds/types/any.ts";
import { CompileError } from "./compile-error.ts";
import { compileHttp } from "./http.ts";
import { formatTraceStep, type TraceStep } from "./trace.ts";

const ALL = { numerator: 100 };

describe("RDS", () => {
  test("routes by name, and other routes later", () => {
    const config = hcm({ rds: { routeConfigName: "http_proxy" } });
    const early = compileHttp(config, () => undefined);
    expect(early.settings.routeConfigName).toBe("http_proxy");
    expect(decide(early, "/")).toMatchObject({ status: 404 });
    const first = compileHttp(config, (name) => ({ ...routesOf([to("one")]), name }));
    expect(forward(decide(first, "/")).clusterName).toBe("one");
    expect(forward(decide(first.withRoutes(routesOf([to("two")])), "/")).clusterName).toBe("two");
    expect(forward(decide(first, "/")).clusterName).toBe("one");
  });
});

describe("settings", () => {
  test("Envoy's defaults", () => {
    expect(compile(routesOf([])).settings).toMatchObject({
      maxRequestHeadersBytes: 61_440,
      maxHeadersCount: 100,
      streamIdleTimeoutMs: 300_000,
      idleTimeoutMs: 3_600_000,
      requestTimeoutMs: 0,
      requestHeadersTimeoutMs: 0,
      drainTimeoutMs: 1000,
      generateRequestId: true,
      forwardClientCertDetails: "SANITIZE",
      serverName: "envoy",
    });
  });

  test("authorities are stripped as asked", () => {
    const normalize = (config: Partial<HttpConnectionManager>, authority: string): string =>
      compileHttp(hcm({ routeConfig: routesOf([]), ...config }), () => undefined).normalizeAuthority(authority, 80);
    expect(normalize({}, "a:80")).toBe("a:80");
    expect(normalize({ stripAnyHostPort: true }, "a:81")).toBe("a");
    expect(normalize({ stripAnyHostPort: true }, "[::1]:81")).toBe("[::1]");
    expect(normalize({ stripAnyHostPort: true }, "[::1]")).toBe("[::1]");
    expect(normalize({ stripMatchingHostPort: true }, "a:80")).toBe("a");
    expect(normalize({ stripMatchingHostPort: true }, "a:81")).toBe("a:81");
    expect(normalize({ stripTrailingHostDot: true }, "a.:81")).toBe("a:81");
  });
});

describe("what is refused, with its path", () => {
  const rows: readonly (readonly [string, HttpConnectionManager])[] = [
    ["stat_prefix: ", { ...hcm({ routeConfig: {} }), statPrefix: "" }],
    ["must hold route_config or rds", hcm({})],
    ["http_filters: the last filter must be the router", { ...hcm({ routeConfig: {} }), httpFilters: [] }],
    ["http_filters[0]: the router must be the last", { ...hcm({ routeConfig: {} }), httpFilters: [ROUTER, ROUTER] }],
    [
      "http_filters[0]: filters of type a/unknown.Filter",
      hcm({ routeConfig: {} }, { name: "x", typedConfig: { typeUrl: "a/unknown.Filter", bytes: new Uint8Array() } }),
    ],
    ["early_header_mutation_extensions: ", hcm({ routeConfig: {}, earlyHeaderMutationExtensions: [{ name: "x" }] })],
    ["route_config.virtual_hosts[0].domains: ", hcm({ routeConfig: { virtualHosts: [{}] } })],
    ["route_config.virtual_hosts[0].routes[0].match: ", hcm({ routeConfig: routesOf([{ route: { cluster: "a" } }]) })],
    [
      "route_config.virtual_hosts[0].routes[0].match.tls_context: ",
      hcm({ routeConfig: routesOf([{ match: { prefix: "/", tlsContext: {} } }]) }),
    ],
    [
      "route_config.virtual_hosts[0].routes[0]: must hold route",
      hcm({ routeConfig: routesOf([{ match: { prefix: "/" } }]) }),
    ],
    [
      "route_config.virtual_hosts[0].routes[0].route: must hold cluster",
      hcm({ routeConfig: routesOf([{ match: { prefix: "/" }, route: {} }]) }),
    ],
    [
      "route_config.virtual_hosts[0].routes[0].route.request_mirror_policies[0]: must hold either cluster or cluster_header, found both",
      hcm({
        routeConfig: routesOf([
          {
            match: { prefix: "/" },
            route: { cluster: "a", requestMirrorPolicies: [{ cluster: "b", clusterHeader: "c" }] },
          },
        ]),
      }),
    ],
    [
      "route_config.virtual_hosts[0].request_headers_to_add[0].header.key: ",
      hcm({ routeConfig: routesOf([], { requestHeadersToAdd: [{ header: { key: ":path", value: "/" } }] }) }),
    ],
    [
      "route_config.virtual_hosts[0].routes[0].typed_per_filter_config",
      hcm({ routeConfig: routesOf([{ ...to("a"), typedPerFilterConfig: { fault: pack(Router, {}) } }]) }, fault({})),
    ],
    ["http_filters[0].typed_config.abort: must hold", hcm({ routeConfig: {} }, fault({ abort: { percentage: ALL } }))],
    ["http_filters[0].typed_config.max_active_faults: ", hcm({ routeConfig: {} }, fault({ maxActiveFaults: 1 }))],
  ];
  for (const [message, config] of rows) {
    test(message, () => {
      expect(() => compileHttp(config, () => undefined)).toThrow(CompileError);
      expect(() => compileHttp(config, () => undefined)).toThrow(message);
    });
  }

  test("an unknown filter that is optional is left out", () => {
    const filter = {
      name: "x",
      isOptional: true,
      typedConfig: { typeUrl: "a/unknown.Filter", bytes: new Uint8Array() },
    };
    expect(decide(compile(routesOf([to("a")]), filter), "/").t).toBe("forward");
  });
});

test("a trace says why, and changes nothing", () => {
  const tulle = { kind: "VirtualService", namespace: "default", name: "reviews", file: "reviews.yaml", line: 12 };
  const jason: Route = {
    name: "jason",
    match: { prefix: "/", headers: [{ name: "end-user", stringMatch: { exact: "jason" } }] },
    route: { cluster: "v2" },
    metadata: { filterMetadata: { tulle } },
  };
  const clusters = [
    { name: "v1", weight: 90 },
    { name: "v3", weight: 10 },
  ];
  const split: Route = { match: { prefix: "/" }, route: { weightedClusters: { clusters } } };
  const http = compile(routesOf([jason, split]), fault({ delay: { fixedDelay: 5, percentage: { numerator: 10 } } }));
  const steps: TraceStep[] = [];
  const view = request("/reviews/1", { headers: { "end-user": "bob" } });
  expect(http.decide(view, PLAIN_PEER, () => 95 / 2 ** 32, steps)).toEqual(
    http.decide(view, PLAIN_PEER, () => 95 / 2 ** 32),
  );
  expect(steps.map(formatTraceStep)).toEqual([
    '> virtualHost all  authority "reviews:9080" is among its domains *',
    '- route 0 "jason"  header end-user: wanted exact "jason", found "bob"  (VirtualService default/reviews, reviews.yaml:12)',
    '+ route 1  path: wanted prefix "/", found "/reviews/1"',
    "  cluster v1  weight 90 of 100; drew 95, its share is 0 to below 90",
    "> cluster v3  weight 10 of 100; drew 95, its share is 90 to below 100",
    "! fault delay  5 ms for 10 of 100 requests; drew 0 (flag DI)",
    "> outcome v3  forwarded to this cluster",
  ]);
});

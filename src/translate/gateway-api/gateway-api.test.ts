import { describe, expect, test } from "bun:test";
import { service, stateOf, workload } from "../../../tests/support/mesh.ts";
import type { PathModifier } from "../../model/gateway-api/route.ts";
import { GATEWAY_NAME_LABEL } from "../../model/gateway-api/workloads.ts";
import { FilterConfig, type Route } from "../../xds/proto/route.ts";
import { KeptSession } from "../../xds/proto/tulle-sessions.ts";
import { UpstreamHttpOptions } from "../../xds/proto/upstream-http.ts";
import { unpack } from "../../xds/types/any.ts";
import { defaultTranslateOptions } from "../options.ts";
import { type ProxyResources, translate } from "../translate.ts";
import { byHost, closest } from "./hosts.ts";
import { pathRewrite } from "./path-modifier.ts";

const GROUP = "gateway.networking.k8s.io/v1";
const base = [
  service("reviews", ["http:80:8080"]),
  service("ratings", ["http:80:8080"]),
  service("plain", ["any:80:8080"]),
  ...["reviews", "ratings", "plain"].map((name) => workload(name, "v1", [8080])),
];
const gateway = (name = "edge", listeners = "{name: http, port: 80, protocol: HTTP}", more = ""): string =>
  `{apiVersion: ${GROUP}, kind: Gateway, metadata: {name: ${name}}, spec: {gatewayClassName: tulle, listeners: [${listeners}]${more}}}`;
const route = (name: string, rules: string, more = "parentRefs: [{name: edge}]", meta = ""): string =>
  `{apiVersion: ${GROUP}, kind: HTTPRoute, metadata: {name: ${name}${meta}}, spec: {${more}, rules: [${rules}]}}`;
const to = (name: string, more = ""): string => `backendRefs: [{name: ${name}, port: 80${more}}]`;

const edge = (...documents: readonly string[]): ProxyResources =>
  translate(stateOf(...base, ...documents), { t: "sidecar", instance: "edge-tulle-0" }, defaultTranslateOptions);

const routesAt = (host: string, { routes }: ProxyResources): readonly Route[] =>
  routes[0]?.virtualHosts?.find(({ domains }) => domains?.includes(host))?.routes ?? [];

describe("hosts", () => {
  test("an exact one is closer than a wildcard, a long wildcard closer than a short", () => {
    expect(["*", "*.a.b", "x.a.b", "*.b"].sort(byHost)).toEqual(["x.a.b", "*.a.b", "*.b", "*"]);
    expect(closest(["*", "*.a.b", "*.b"], "x.a.b")).toBe("*.a.b");
    expect(closest(["*.a.b"], "a.b")).toBeUndefined();
  });
});

describe("paths", () => {
  const prefix = (value: string): PathModifier => ({ t: "ReplacePrefixMatch", value });

  test.each([
    [prefix("/x/"), "/a/", { prefixRewrite: "/x" }],
    [prefix("/x"), "/", { prefixRewrite: "/x/" }],
    [prefix("/"), "/", {}],
    [prefix(""), "/a.b", { regexRewrite: { pattern: { regex: "^/a\\.b/?(.*)$" }, substitution: "/\\1" } }],
    [
      { t: "ReplaceFullPath", value: "x\\1" } as const,
      "/a",
      { regexRewrite: { pattern: { regex: "^.*$" }, substitution: "/x\\\\1" } },
    ],
  ])("%p in place of %p", (modifier, matched, rewrite) => expect(pathRewrite(modifier, matched)).toEqual(rewrite));
});

describe("routes", () => {
  test("of several documents stand by what they match, then by age, then by name", () => {
    const resources = edge(
      gateway(),
      route("a", `{matches: [{path: {value: /a}}], ${to("reviews")}}, {${to("reviews")}}`),
      route(
        "b",
        `{matches: [{path: {value: /a}, headers: [{name: x, value: y}]}, {path: {type: Exact, value: /z}}], ${to("ratings")}}`,
      ),
      route("c", `{matches: [{path: {value: /a/b}}, {path: {value: /a}}], ${to("ratings")}}`),
      route(
        "old",
        `{matches: [{path: {value: /a}}], ${to("ratings")}}`,
        undefined,
        ', creationTimestamp: "2020-01-01T00:00:00Z"',
      ),
    );
    const order = routesAt("*", resources).map(({ name }) => name);
    expect(order.slice(0, 3)).toEqual(["default.b.0", "default.c.0", "default.b.0"]);
    expect(order.slice(3).sort()).toEqual(["default.a.0", "default.a.1", "default.c.0", "default.old.0"]);
    expect(order.at(-1)).toBe("default.a.1");
  });

  test("by an expression stand behind all prefixes", () => {
    const resources = edge(
      gateway(),
      route("all", `{${to("reviews")}}`),
      route(
        "some",
        `{name: expression, matches: [{path: {type: RegularExpression, value: "/.*[.]js"}}], ${to("ratings")}},
         {name: prefix, matches: [{path: {value: /a}}], ${to("ratings")}}`,
      ),
    );
    expect(routesAt("*", resources).map(({ name }) => name)).toEqual([
      "default.some.prefix",
      "default.all.0",
      "default.some.expression",
    ]);
  });

  test("by /a/ are no longer than by /a: the document's order decides", () => {
    const rules = `{matches: [{path: {value: /a}}], ${to("reviews")}}, {matches: [{path: {value: /a/}}], ${to("ratings")}}`;
    const order = routesAt("*", edge(gateway(), route("a", rules))).map(({ name }) => name);
    expect(order).toEqual(["default.a.0", "default.a.1"]);
  });

  test("of gRPC stand by names, then by expressions, however long these are", () => {
    const rules = [
      `{name: expression, matches: [{method: {type: RegularExpression, service: "a.*b.*", method: "[a-z]+"}}], ${to("ratings")}}`,
      `{name: all, ${to("ratings")}}`,
      `{name: method, matches: [{method: {method: b}}], ${to("ratings")}}`,
      `{name: service, matches: [{method: {service: ab}}], ${to("ratings")}}`,
      `{name: call, matches: [{method: {service: ab, method: b}}], ${to("ratings")}}`,
    ];
    const document = route("calls", rules.join(", ")).replace("HTTPRoute", "GRPCRoute");
    expect(routesAt("*", edge(gateway(), document)).map(({ name }) => name)).toEqual(
      ["call", "service", "expression", "method", "all"].map((name) => `default.calls.${name}`),
    );
  });

  test("backends with filters of their own share by one draw", () => {
    const own = (name: string, weight: number): string =>
      `{name: ${name}, port: 80, weight: ${weight}, filters: [{type: URLRewrite, urlRewrite: {hostname: ${name}.example.com}}]}`;
    const made = routesAt(
      "*",
      edge(gateway(), route("a", `{backendRefs: [${own("reviews", 1)}, ${own("ratings", 2)}, ${own("plain", 1)}]}`)),
    );
    const draws = made.map(({ match }) => match?.runtimeFraction?.defaultValue?.numerator);
    expect(draws).toEqual([250_000, 750_000, undefined]);
    expect(made.map(({ route: action }) => action?.hostRewriteLiteral?.split(".")[0])).toEqual([
      "reviews",
      "ratings",
      "plain",
    ]);
  });

  test.each([
    ["{}", 80, undefined],
    ["{port: 80}", 80, undefined],
    ["{port: 8080}", 80, 8080],
    ["{scheme: https}", 80, undefined],
    ["{scheme: https, port: 8443}", 80, 8443],
    // A client calls `host:8080`, and what it called would be kept.
    ["{scheme: https}", 8080, 443],
    ["{scheme: https, hostname: a.example.com}", 8080, undefined],
    ["{}", 8080, 8080],
  ])("a redirect %s at port %p names port %p", (redirect, port, expected) => {
    const listener = `{name: http, port: ${port}, protocol: HTTP}`;
    const filter = `{type: RequestRedirect, requestRedirect: ${redirect.replace("{}", "{statusCode: 302}")}}`;
    const [made] = routesAt("*", edge(gateway("edge", listener), route("a", `{filters: [${filter}]}`)));
    expect(made?.redirect?.portRedirect).toBe(expected);
  });

  const EXTENSION = "{type: ExtensionRef, extensionRef: {group: example.com, kind: Cache, name: c}}";
  const AUTH = "{type: ExternalAuth, externalAuth: {protocol: GRPC, backendRef: {name: reviews, port: 80}}}";

  test.each([EXTENSION, AUTH])(
    "a filter that is not supported refuses what it would see, and no more: %s",
    (filter) => {
      const made = routesAt(
        "*",
        edge(
          gateway(),
          route(
            "a",
            `{matches: [{path: {value: /all}}], ${to("reviews")}, filters: [${filter}]}, {matches: [{path: {value: /half}}], backendRefs: [{name: reviews, port: 80, filters: [${filter}]}, {name: ratings, port: 80}]}, {${to("reviews")}}`,
          ),
        ),
      );
      expect(made.map((r) => [r.name, r.directResponse?.status ?? r.route?.cluster])).toEqual([
        ["default.a.1", 500],
        ["default.a.1", "outbound|80||ratings.default.svc.cluster.local"],
        ["default.a.0", 500],
        ["default.a.2", "outbound|80||reviews.default.svc.cluster.local"],
      ]);
      expect(made[0]?.match?.runtimeFraction?.defaultValue?.numerator).toBe(500_000);
    },
  );

  test("a session's cookie is for the rule's path, and its backends are there without a weight", () => {
    const session = "sessionPersistence: {sessionName: seat}";
    const two = "backendRefs: [{name: reviews, port: 80}, {name: ratings, port: 80, weight: 0}]";
    const rules = [
      ["{path: {value: /shop/}}", "/shop"],
      ["{path: {type: Exact, value: /a/b}}", "/a/b"],
      ["{path: {type: RegularExpression, value: '/x/y[a-z]+/z'}}", "/x"],
      ["{path: {type: RegularExpression, value: /v/w|/u}}", "/"],
      ["{path: {value: /}}", "/"],
    ] as const;
    const made = edge(
      gateway(),
      ...rules.map(([match], i) => route(`r${i}`, `{matches: [${match}], ${two}, ${session}}`)),
    );
    for (const [i, [, path]] of rules.entries()) {
      const found = routesAt("*", made).find(({ name }) => name === `default.r${i}.0`);
      expect(found?.route?.weightedClusters?.clusters?.map(({ weight }) => weight)).toEqual([1, 0]);
      const any = found?.typedPerFilterConfig?.["tulle.sessions"];
      const { config } = any === undefined ? {} : unpack(any, FilterConfig);
      expect(config && unpack(config, KeptSession)).toEqual({ name: "seat", path });
    }
  });

  test("a Service without routes is called as ever; a route of another port changes nothing", () => {
    const parent = 'parentRefs: [{group: "", kind: Service, name: reviews, port: 80}]';
    const made = translate(
      stateOf(...base, route("a", `{${to("ratings")}}`, parent)),
      { t: "sidecar", instance: "plain-v1-0" },
      defaultTranslateOptions,
    );
    const namesAt = (host: string) =>
      made.routes[0]?.virtualHosts
        ?.find(({ name }) => name === `${host}.default.svc.cluster.local:80`)
        ?.routes?.map((r) => r.name);
    expect(namesAt("reviews")).toEqual(["default.a.0"]);
    expect(namesAt("ratings")).toEqual(["default"]);
  });
});

describe("routes of a Service", () => {
  const of = (kind: string, name: string, namespace: string, backend: string, more = ""): string =>
    `{apiVersion: ${GROUP}, kind: ${kind}, metadata: {name: ${name}, namespace: ${namespace}}, spec: {parentRefs: [{group: "", kind: Service, name: reviews, namespace: default, port: 80}]${more}, rules: [{${to(backend)}}]}}`;

  test("a consumer's TLSRoute or TCPRoute hides no HTTPRoute of the producer: they are for other calls", () => {
    const namesFor = (...documents: readonly string[]) =>
      translate(
        stateOf(...base, workload("caller", "v1", [], "away"), service("own", ["http:80:80"], "away"), ...documents),
        { t: "sidecar", instance: "caller-v1-0" },
        defaultTranslateOptions,
      )
        .routes[0]?.virtualHosts?.find(({ name }) => name === "reviews.default.svc.cluster.local:80")
        ?.routes?.map((r) => r.name);
    const producer = of("HTTPRoute", "mine", "default", "ratings");
    expect(namesFor(producer)).toEqual(["default.mine.0"]);
    expect(namesFor(producer, of("TCPRoute", "theirs", "away", "own"))).toEqual(["default.mine.0"]);
    expect(namesFor(producer, of("TLSRoute", "theirs", "away", "own", ", hostnames: [a.example.com]"))).toEqual([
      "default.mine.0",
    ]);
    expect(namesFor(producer, of("HTTPRoute", "theirs", "away", "own"))).toEqual(["away.theirs.0"]);
    expect(namesFor(producer, of("GRPCRoute", "theirs", "away", "own"))).toEqual(["away.theirs.0"]);
  });
});

describe("clusters of a gateway", () => {
  test("HTTP/1.1 to a port that names no protocol, HTTP/2 where a GRPCRoute leads to it", () => {
    const PLAIN = "outbound|80||plain.default.svc.cluster.local";
    const grpc = `{apiVersion: ${GROUP}, kind: GRPCRoute, metadata: {name: g}, spec: {parentRefs: [{name: edge}], rules: [{${to("plain")}}]}}`;
    const spoken = ({ clusters }: ProxyResources): readonly string[] => {
      const [options] = Object.values(clusters.find(({ name }) => name === PLAIN)?.typedExtensionProtocolOptions ?? {});
      return Object.keys((options && unpack(options, UpstreamHttpOptions).explicitHttpConfig) ?? {});
    };
    // HTTP/1.1 needs no word.
    expect(spoken(edge(gateway()))).toEqual([]);
    expect(spoken(edge(gateway(), grpc))).toEqual(["http2ProtocolOptions"]);
  });
});

describe("workloads of Gateways", () => {
  const workloadsOf = (...documents: readonly string[]): readonly string[] =>
    stateOf(...documents)
      .mesh.workloads.filter((w) => w.gateway !== undefined)
      .map(({ name }) => name);

  test("one is made where there is none, with the labels that are asked for", () => {
    const { mesh } = stateOf(gateway("edge", undefined, ", infrastructure: {labels: {team: shop}}"));
    expect(mesh.workloads).toMatchObject([
      { name: "edge-tulle", serviceAccount: "edge-tulle", labels: { team: "shop", [GATEWAY_NAME_LABEL]: "edge" } },
    ]);
  });

  test("one's own serves by its label, or behind the Service that an address names", () => {
    const own = (labels: string): string =>
      `{apiVersion: tulle.dev/v1, kind: Workload, metadata: {name: own, labels: {${labels}}}, spec: {role: gateway}}`;
    expect(workloadsOf(gateway(), own(`${GATEWAY_NAME_LABEL}: edge`))).toEqual(["own"]);
    expect(workloadsOf(gateway(), own(`${GATEWAY_NAME_LABEL}: other`))).toEqual(["own", "edge-tulle"]);
    const named = gateway("edge", undefined, ", addresses: [{type: Hostname, value: own.default.svc.cluster.local}]");
    const state = stateOf(
      ...base,
      named,
      own("app: own"),
      service("own", ["http:80"]),
      route("a", `{${to("reviews")}}`),
    );
    expect(state.mesh.workloads.filter((w) => w.gateway !== undefined).map(({ name }) => name)).toEqual(["own"]);
    const made = translate(state, { t: "sidecar", instance: "own-0" }, defaultTranslateOptions);
    expect(routesAt("*", made).map(({ name }) => name)).toEqual(["default.a.0"]);
  });

  test("a host of several listeners of a place stands once, with the first that routes it", () => {
    const addressed = (name: string): string =>
      gateway(name, undefined, ", addresses: [{type: Hostname, value: own.default.svc.cluster.local}]");
    const parent = (name: string): string => `parentRefs: [{name: ${name}}], hostnames: [a.com, ${name}.com]`;
    const state = stateOf(
      ...base,
      ...["none", "one", "two"].map(addressed),
      "{apiVersion: tulle.dev/v1, kind: Workload, metadata: {name: own, labels: {app: own}}, spec: {role: gateway}}",
      service("own", ["http:80"]),
      route("a", `{${to("reviews")}}`, parent("one")),
      route("b", `{${to("reviews")}}`, parent("two")),
      route("c", `{${to("reviews")}}`, "parentRefs: [{name: two}]"),
    );
    const made = translate(state, { t: "sidecar", instance: "own-0" }, defaultTranslateOptions);
    const hosts = made.routes.flatMap(({ virtualHosts = [] }) =>
      virtualHosts.map(({ domains, routes }) => [domains, routes?.map(({ name }) => name)]),
    );
    expect(hosts).toEqual([
      [["*"], ["default.c.0"]],
      [["a.com"], ["default.a.0"]],
      [["one.com"], ["default.a.0"]],
      [["two.com"], ["default.b.0", "default.c.0"]],
    ]);
  });

  test("of another class, none; a long name is cut, and stays its own", () => {
    expect(workloadsOf(gateway().replace("tulle", "other"))).toEqual([]);
    const long = "g".repeat(63);
    const [a = "", b] = workloadsOf(gateway(long), gateway(long.replace(/g$/, "h")));
    expect(a).toMatch(/^g{54}-[0-9a-f]{8}$/);
    expect(b).not.toBe(a);
  });
});

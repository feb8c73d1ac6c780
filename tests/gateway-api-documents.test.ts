/**
 * Documents of the Gateway API become the model, with the API's own defaults; what the API refuses is refused here.
 */
import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { formatProblem } from "../src/base/problem.ts";
import { loadDocuments } from "../src/config/load.ts";
import { errors, load } from "./support/documents.ts";

const document = (kind: string, spec: string, metadata = "name: a, namespace: shop"): string =>
  `apiVersion: gateway.networking.k8s.io/v1\nkind: ${kind}\nmetadata: {${metadata}}\nspec: {${spec}}\n`;

const httpRule = (rule: string): string => document("HTTPRoute", `rules: [{${rule}}]`);

const route = (text: string) => load(text).mesh.gatewayApi.routes[0];

function onlyRule(text: string) {
  const read = route(text);
  expect(errors(text)).toEqual([]);
  if (read?.t !== "HTTPRoute") throw new Error("no HTTPRoute was read");
  return read.rules[0];
}

describe("HTTPRoute", () => {
  test("has the API's defaults", () => {
    const read = route(
      document("HTTPRoute", "parentRefs: [{name: edge}], rules: [{backendRefs: [{name: b, port: 80}], matches: [{}]}]"),
    );
    expect(read?.parents).toMatchObject([
      { group: "gateway.networking.k8s.io", kind: "Gateway", namespace: "shop", name: "edge", port: undefined },
    ]);
    expect(read?.rules).toMatchObject([
      {
        matches: [{ path: { t: "PathPrefix", value: "/" }, headers: {}, method: undefined }],
        backends: [{ weight: 1, ref: { group: "", kind: "Service", namespace: "shop", name: "b", port: 80 } }],
        timeouts: {},
      },
    ]);
    expect(read?.parents[0]?.at).toEqual({
      path: "spec.parentRefs[0]",
      place: { file: "mesh.yaml", line: 4, column: 21 },
    });
  });

  test("without rules has the one that matches every path", () => {
    expect(onlyRule(document("HTTPRoute", "parentRefs: []"))).toMatchObject({
      matches: [{ path: { value: "/" } }],
      backends: [],
    });
  });

  test("names of headers have no case, those of query parameters do", () => {
    const rule = onlyRule(
      httpRule(
        "matches: [{headers: [{name: X-A, value: one}], queryParams: [{name: Q, value: t.*o, type: RegularExpression}]}]",
      ),
    );
    expect(rule?.matches[0]).toMatchObject({
      headers: { "x-a": { t: "exact", value: "one" } },
      queryParams: { Q: { t: "regex", value: "t.*o" } },
    });
  });

  test.each([
    ["{}", { type: "Cookie", lifetime: "Session", sessionName: undefined, absoluteTimeoutMs: undefined }],
    ["{type: Header, sessionName: X-Seat}", { type: "Header", sessionName: "X-Seat" }],
    [
      "{absoluteTimeout: 1h, cookieConfig: {lifetimeType: Permanent}}",
      { type: "Cookie", lifetime: "Permanent", absoluteTimeoutMs: 3_600_000 },
    ],
  ])("keeps sessions: %s", (session, expected) => {
    const backends = "backendRefs: [{name: a, port: 1}, {name: b, port: 1, weight: 0}]";
    expect(onlyRule(httpRule(`sessionPersistence: ${session}, ${backends}`))?.sessionPersistence).toMatchObject(
      expected,
    );
  });

  test("a percent sign in a header's value is text", () => {
    const modifier = "{type: ResponseHeaderModifier, responseHeaderModifier: {set: [{name: A, value: 100%}]}}";
    expect(onlyRule(httpRule(`filters: [${modifier}]`))?.filters.headers.response.set).toEqual({ A: "100%%" });
  });

  test("the part that is mirrored comes in percent", () => {
    const mirror =
      "{type: RequestMirror, requestMirror: {backendRef: {name: m, port: 1}, fraction: {numerator: 1, denominator: 8}}}";
    expect(onlyRule(httpRule(`filters: [${mirror}]`))?.filters.mirrors).toMatchObject([{ percentage: 12.5 }]);
  });

  test.each([
    ["*", { t: "exact", value: "*" }],
    ["https://Example.com:443", { t: "exact", value: "https://example.com" }],
    ["http://example.com:8080", { t: "exact", value: "http://example.com:8080" }],
    ["https://*.example.com", { t: "regex", value: "https://[^/:]+\\.example\\.com" }],
    ["http://*", { t: "regex", value: "http://[^/:]+(:\\d+)?" }],
  ] as const)("the origin %s", (origin, match) => {
    const rule = onlyRule(httpRule(`filters: [{type: CORS, cors: {allowOrigins: ["${origin}"]}}]`));
    expect(rule?.filters.cors).toMatchObject({ allowOrigins: [match], maxAgeSeconds: 5, forwardsUnmatched: false });
  });

  test.each([
    ["timeouts: {request: 10s, backendRequest: 2s500ms}", { requestMs: 10_000, backendRequestMs: 2500 }],
    ["timeouts: {request: 0s, backendRequest: 2s}", { requestMs: 0, backendRequestMs: 2000 }],
  ])("%s", (rule, timeouts) => {
    expect(onlyRule(httpRule(rule))?.timeouts).toEqual(timeouts);
  });
});

describe("XBackendTrafficPolicy", () => {
  const policy = (spec: string, targets = '{group: "", kind: Service, name: a}'): string =>
    `apiVersion: gateway.networking.x-k8s.io/v1alpha1\nkind: XBackendTrafficPolicy\nmetadata: {name: p}\nspec: {targetRefs: [${targets}], ${spec}}\n`;

  test("is read", () => {
    const text = policy("retryConstraint: {budget: {percent: 30}}, sessionPersistence: {absoluteTimeout: 1h}");
    expect(errors(text)).toEqual([]);
    expect(load(text).mesh.gatewayApi.backendTrafficPolicies).toMatchObject([
      {
        targets: [{ kind: "Service", name: "a", sectionName: undefined }],
        retryBudget: { percent: 30, minRetryConcurrency: 10, budgetIntervalMs: 10_000 },
        sessionPersistence: { type: "Cookie", absoluteTimeoutMs: 3_600_000 },
      },
    ]);
  });

  test("the interval of its lowest rate is told to do nothing", () => {
    const { problems } = load(policy("retryConstraint: {budget: {interval: 10s}, minRetryRate: {interval: 1s}}"));
    expect(problems.map(({ severity, path }) => `${severity} ${path}`)).toEqual([
      "warning spec.retryConstraint.minRetryRate.interval",
    ]);
  });

  test.each([
    [policy("retryConstraint: {budget: {percent: 101}}"), "percent: must be a whole number from 0 to 100"],
    [policy("retryConstraint: {budget: {interval: 100ms}}"), "interval: must be from 1s to 1h"],
    [policy("retryConstraint: {minRetryRate: {count: 0}}"), "count: must be a whole number from 1"],
    [policy("", '{group: "", kind: Service, name: a, sectionName: http}'), 'unknown field "sectionName"'],
    [policy("", '{group: "", kind: Service, name: a}, {group: "", kind: Service, name: a}'), "stands twice"],
    [policy("sessionPersistence: {idleTimeout: 0s}"), "must be more than 0s"],
  ])("%s is refused", (text, message) => expect(errors(text).join()).toContain(message));
});

describe("refused, as by the API", () => {
  const redirect = "{type: RequestRedirect, requestRedirect: {hostname: b}}";
  const rewrite = (path: string): string => `filters: [{type: URLRewrite, urlRewrite: {path: {${path}}}}]`;
  test.each([
    [httpRule("matchs: []"), 'spec.rules[0].matchs: unknown field "matchs"'],
    [httpRule("matches: [{path: {type: Prefix, value: /}}]"), "path.type: must be one of Exact, PathPrefix"],
    [httpRule("matches: [{path: {value: a}}]"), 'path.value: must be a path from "/" on'],
    [httpRule("matches: [{path: {value: /a//b}}]"), 'path.value: must be a path from "/" on'],
    [httpRule("matches: [{path: {value: /a/..}}]"), 'path.value: must be a path from "/" on'],
    [httpRule("matches: [{method: get}]"), "method: must be one of GET"],
    [httpRule("matches: [{headers: [{name: a, value: b}, {name: A, value: b}]}]"), "headers[1]: stands twice"],
    [httpRule(`filters: [${redirect}], backendRefs: [{name: b, port: 1}]`), "cannot stand beside a RequestRedirect"],
    [
      httpRule(`filters: [${redirect}, {type: URLRewrite, urlRewrite: {hostname: b}}]`),
      "cannot stand beside each other",
    ],
    [httpRule("filters: [{type: ExtensionRef}]"), 'field "extensionRef" is missing'],
    [httpRule("filters: [{type: ExtensionRef, extensionRef: {kind: K, name: n}}]"), 'field "group" is missing'],
    [httpRule("filters: [{type: ExternalAuth, externalAuth: {protocol: GRPC}}]"), 'field "backendRef" is missing'],
    [
      httpRule(
        "filters: [{type: ExternalAuth, externalAuth: {protocol: HTTP, backendRef: {name: a, port: 1}, grpc: {}}}]",
      ),
      "cannot stand beside the protocol HTTP",
    ],
    [httpRule("filters: [{type: Custom}]"), "must be one of RequestHeaderModifier"],
    [
      httpRule(
        `matches: [{path: {type: Exact, value: /a}}], ${rewrite("type: ReplacePrefixMatch, replacePrefixMatch: /b")}`,
      ),
      "needs exactly one match",
    ],
    [
      httpRule(rewrite("type: ReplaceFullPath, replacePrefixMatch: /b")),
      "cannot stand beside the type ReplaceFullPath",
    ],
    [httpRule("timeouts: {request: 1s, backendRequest: 2s}"), "may not be longer than request"],
    [httpRule("timeouts: {request: 1.5s}"), "must be a duration"],
    [httpRule("backendRefs: [{name: b}]"), 'field "port" is missing'],
    [httpRule("backendRefs: [{name: b, port: 1, weight: 1000001}]"), "weight: must be a whole number"],
    [httpRule("sessionPersistence: {idleTimeout: 0s}"), "idleTimeout: must be more than 0s"],
    [httpRule("sessionPersistence: {absoluteTimeout: 0s}"), "absoluteTimeout: must be more than 0s"],
    [
      httpRule(
        "sessionPersistence: {}, backendRefs: [{name: a, port: 1}, {name: b, port: 1, filters: [{type: URLRewrite, urlRewrite: {hostname: c}}]}]",
      ),
      "sessionPersistence: is not supported beside several backends of which one has filters",
    ],
    [httpRule("sessionPersistence: {cookieConfig: {lifetimeType: Permanent}}"), 'needs "absoluteTimeout"'],
    [document("HTTPRoute", "rules: [{name: a}, {name: a}]"), "spec.rules[1]: stands twice"],
    [document("HTTPRoute", "parentRefs: [{name: a}, {name: a}]"), "spec.parentRefs[1]: stands twice"],
    [document("HTTPRoute", 'hostnames: ["10.0.0.1"]'), "must be a host name"],
    [document("HTTPRoute", 'hostnames: ["a.*.com"]'), "must be a host name"],
    [document("GRPCRoute", "rules: [{matches: [{method: {}}]}]"), "must have at least one of service, method"],
    [document("GRPCRoute", `rules: [{filters: [${redirect}]}]`), "filters[0].type: must be one of"],
    [document("TCPRoute", "rules: [{backendRefs: []}]"), "must have 1 or more items, found 0"],
    [
      document("Gateway", "gatewayClassName: c, listeners: [{name: a, port: 80, protocol: TCP, hostname: b}]"),
      "carries no names",
    ],
    [
      document("Gateway", "gatewayClassName: c, listeners: [{name: a, port: 80, protocol: TLS}]"),
      "tls.mode is missing",
    ],
    [
      document("Gateway", "gatewayClassName: c, listeners: [{name: a, port: 80, protocol: HTTP, tls: {}}]"),
      "cannot stand with the protocol HTTP",
    ],
    [
      document(
        "Gateway",
        "gatewayClassName: c, listeners: [{name: a, port: 80, protocol: HTTP}, {name: b, port: 80, protocol: http}]",
      ),
      "same port, protocol and hostname",
    ],
    [
      document(
        "Gateway",
        "gatewayClassName: c, listeners: [{name: a, port: 80, protocol: HTTP, allowedRoutes: {namespaces: {from: Selector}}}]",
      ),
      'field "selector" is missing',
    ],
    [document("ListenerSet", "parentRef: {name: g}, listeners: []"), "must have 1 or more items"],
    [document("ReferenceGrant", "from: [], to: [{group: '', kind: Service}]"), "must have 1 or more items"],
    [
      document("BackendTLSPolicy", "targetRefs: [{group: '', kind: Service, name: s}], validation: {hostname: a}"),
      "must have either caCertificateRefs or",
    ],
    [document("GatewayClass", "controllerName: tulle"), "must be a domain with a path"],
  ])("%s", (text, message) => {
    const found = errors(text);
    expect(found.join("\n")).toContain(message);
    expect(found[0]).toMatch(/^mesh\.yaml:4:\d+ spec/);
    expect(load(text).documents.map((d) => d.status)).toEqual(["refused"]);
  });
});

describe("the API's own documents", () => {
  interface Cases {
    readonly cases: readonly {
      readonly file: string;
      readonly valid: boolean;
      readonly text: string;
    }[];
  }
  const file = join(import.meta.dir, "..", "..", "shared", "suites", "gateway-api-validation", "cases.json");
  if (!existsSync(file)) {
    console.warn(`SKIPPED: ${file} is not there`);
    test.skip("gateway-api-validation", () => {});
    return;
  }
  const { cases } = JSON.parse(readFileSync(file, "utf8")) as Cases;

  test.each(cases.map((c) => [c.valid ? "accepted" : "refused", c.file, c] as const))("%s: %s", (_, __, c) => {
    const found = loadDocuments([{ file: "case.yaml", text: c.text }]).problems.filter((p) => p.severity === "error");
    expect(found.length === 0, found.map(formatProblem).join("\n")).toBe(c.valid);
  });

  test("are counted", () => {
    console.log(`gateway-api-validation: ${cases.length} files here, of 125 upstream (36 to refuse, 89 to accept)`);
    expect(cases.length).toBeGreaterThanOrEqual(55);
  });
});

/**
 * Routes of all kinds, alike on every listener.
 *
 * @module
 */
import type { HeaderValueOption } from "../../../src/xds/proto/core-base.ts";
import { HTTPFault } from "../../../src/xds/proto/filter-fault.ts";
import { type HttpRbac, HttpRbacPerRoute } from "../../../src/xds/proto/filter-http-rbac.ts";
import type { Route, RouteConfiguration, VirtualHost } from "../../../src/xds/proto/route.ts";
import type { RedirectAction, RouteAction } from "../../../src/xds/proto/route-action.ts";
import type { RouteMatch } from "../../../src/xds/proto/route-match.ts";
import { pack } from "../../../src/xds/types/any.ts";

type Edits = Pick<
  Route,
  "requestHeadersToAdd" | "requestHeadersToRemove" | "responseHeadersToAdd" | "responseHeadersToRemove"
>;

const set = (key: string, value: string, appendAction: HeaderValueOption["appendAction"]): HeaderValueOption => ({
  header: { key, value },
  appendAction,
});

const to = (name: string, match: RouteMatch, route: RouteAction = {}, more: Partial<Route> = {}): Route => ({
  name,
  match,
  route: { cluster: "backend", ...route },
  ...more,
});
const redirect = (name: string, action: RedirectAction): Route => ({
  name,
  match: { prefix: `/redirect/${name}` },
  redirect: action,
});
const always = { numerator: 100, denominator: "HUNDRED" } as const;
const never = { numerator: 0, denominator: "HUNDRED" } as const;
const fault = (config: HTTPFault): Partial<Route> => ({ typedPerFilterConfig: { fault: pack(HTTPFault, config) } });

const matching: readonly Route[] = [
  to("exact", { path: "/match/exact" }),
  to("exact-any-case", { path: "/match/Folded", caseSensitive: false }),
  to("separated", { pathSeparatedPrefix: "/match/part" }),
  to("regex", { safeRegex: { regex: "/match/re/[a-c]+(/\\d*)?" } }),
  to("method", { prefix: "/match/some", headers: [{ name: ":method", stringMatch: { exact: "PUT" } }] }),
  to("header-exact", { prefix: "/match/some", headers: [{ name: "x-kind", stringMatch: { exact: "one" } }] }),
  to("header-regex", {
    prefix: "/match/some",
    headers: [{ name: "x-kind", stringMatch: { safeRegex: { regex: "t[wh].*" } } }],
  }),
  to("header-range", { prefix: "/match/some", headers: [{ name: "x-number", rangeMatch: { start: -5, end: 10 } }] }),
  to("header-absent", {
    prefix: "/match/absent",
    headers: [{ name: "x-kind", presentMatch: true, invertMatch: true }],
  }),
  to("header-not", {
    prefix: "/match/not",
    headers: [{ name: "x-kind", stringMatch: { exact: "one" }, invertMatch: true }],
  }),
  to("header-empty", {
    prefix: "/match/empty",
    headers: [{ name: "x-kind", stringMatch: { exact: "one" }, invertMatch: true, treatMissingHeaderAsEmpty: true }],
  }),
  to("header-joined", { prefix: "/match/joined", headers: [{ name: "x-kind", stringMatch: { exact: "one,two" } }] }),
  to("header-twice", {
    prefix: "/match/joined",
    headers: [
      { name: "x-kind", stringMatch: { exact: "one" } },
      { name: "x-kind", stringMatch: { exact: "two" } },
    ],
  }),
  to("query", { prefix: "/match/some", queryParameters: [{ name: "a", stringMatch: { exact: "1" } }] }),
  to("query-present", { prefix: "/match/some", queryParameters: [{ name: "debug", presentMatch: true }] }),
  to("never", { prefix: "/match/some", runtimeFraction: { defaultValue: never } }),
  to("always", { prefix: "/match/some", runtimeFraction: { defaultValue: always } }),
  to("grpc", { prefix: "/match/grpc", grpc: {} }),
];

const rewriting: readonly Route[] = [
  to("prefix-rewrite", { prefix: "/rewrite/prefix/" }, { prefixRewrite: "/new/" }),
  to("prefix-rewrite-all", { pathSeparatedPrefix: "/rewrite/gone" }, { prefixRewrite: "/" }),
  to(
    "regex-rewrite",
    { prefix: "/rewrite/regex" },
    { regexRewrite: { pattern: { regex: "/(\\w+)/regex/(\\w+)" }, substitution: "/\\2/of/\\1" } },
  ),
  to("host-rewrite", { prefix: "/rewrite/host" }, { hostRewriteLiteral: "new.example", appendXForwardedHost: true }),
  to("host-header", { prefix: "/rewrite/from-header" }, { hostRewriteHeader: "x-new-host" }),
  to(
    "host-from-path",
    { prefix: "/rewrite/host-path" },
    { hostRewritePathRegex: { pattern: { regex: "^/rewrite/host-path/([^/?]+).*$" }, substitution: "\\1" } },
  ),
  redirect("https", { httpsRedirect: true }),
  redirect("host", { hostRedirect: "other.example", responseCode: "FOUND" }),
  redirect("path", { pathRedirect: "/there?new=1", responseCode: "SEE_OTHER" }),
  redirect("prefix", { prefixRewrite: "/there", responseCode: "TEMPORARY_REDIRECT" }),
  redirect("regex", { regexRewrite: { pattern: { regex: "^/redirect/regex/(.*)$" }, substitution: "/\\1" } }),
  redirect("strip", {
    stripQuery: true,
    schemeRedirect: "https",
    portRedirect: 8443,
    responseCode: "PERMANENT_REDIRECT",
  }),
  {
    name: "direct",
    match: { prefix: "/direct/body" },
    directResponse: { status: 418, body: { inlineString: "tea\n" } },
  },
  { name: "direct-empty", match: { prefix: "/direct/empty" }, directResponse: { status: 204 } },
  {
    name: "direct-edited",
    match: { prefix: "/direct/edited" },
    directResponse: { status: 200, body: { inlineString: '{"a":1}' } },
    responseHeadersToAdd: [set("content-type", "application/json", "OVERWRITE_IF_EXISTS_OR_ADD")],
  },
];

const edits: Edits = {
  requestHeadersToAdd: [
    set("x-added", "one", "APPEND_IF_EXISTS_OR_ADD"),
    set("x-added", "two", "APPEND_IF_EXISTS_OR_ADD"),
    set("x-absent", "here", "ADD_IF_ABSENT"),
    set("x-over", "written", "OVERWRITE_IF_EXISTS_OR_ADD"),
    set("x-only-over", "written", "OVERWRITE_IF_EXISTS"),
    set("x-from", "%REQ(x-kind)% by %PROTOCOL% to %REQ(:authority)% 100%%", "OVERWRITE_IF_EXISTS_OR_ADD"),
    set("user-agent", "edited", "OVERWRITE_IF_EXISTS"),
  ],
  requestHeadersToRemove: ["x-gone", "accept-encoding"],
  responseHeadersToAdd: [
    set("x-answer", "%RESPONSE_CODE% %REQ(x-kind)% %RESP(x-backend)%", "OVERWRITE_IF_EXISTS_OR_ADD"),
    set("x-level", "route", "APPEND_IF_EXISTS_OR_ADD"),
    set("set-cookie", "a=b", "APPEND_IF_EXISTS_OR_ADD"),
  ],
  responseHeadersToRemove: ["x-backend", "x-secret"],
};

const forwarding: readonly Route[] = [
  to("edits", { prefix: "/edits" }, {}, edits),
  to(
    "weighted",
    { prefix: "/weighted" },
    {
      cluster: undefined,
      weightedClusters: {
        clusters: [
          { name: "dead", weight: 0 },
          { name: "other", weight: 100, responseHeadersToAdd: [set("x-split", "other", "APPEND_IF_EXISTS_OR_ADD")] },
        ],
      },
    },
  ),
  to("by-header", { prefix: "/cluster-header" }, { cluster: undefined, clusterHeader: "x-cluster" }),
  to("unknown", { prefix: "/unknown" }, { cluster: "nowhere", clusterNotFoundResponseCode: "NOT_FOUND" }),
  to("unknown-usual", { prefix: "/missing" }, { cluster: "nowhere" }),
  to("no-endpoint", { prefix: "/empty" }, { cluster: "empty" }),
  to("dead", { prefix: "/dead" }, { cluster: "dead" }),
  to(
    "dead-retried",
    { prefix: "/retry/dead" },
    { cluster: "dead", retryPolicy: { retryOn: "connect-failure", numRetries: 2 } },
  ),
  to(
    "retry-5xx",
    { prefix: "/retry/5xx" },
    { retryPolicy: { retryOn: "5xx", numRetries: 2, retryBackOff: backOff() } },
  ),
  to(
    "retry-codes",
    { prefix: "/retry/codes" },
    {
      retryPolicy: {
        retryOn: "retriable-status-codes,retriable-4xx",
        retriableStatusCodes: [418],
        numRetries: 1,
        retryBackOff: backOff(),
      },
    },
  ),
  to(
    "retry-slow",
    { prefix: "/retry/slow" },
    { timeout: 900, retryPolicy: { retryOn: "5xx,reset", numRetries: 2, perTryTimeout: 250, retryBackOff: backOff() } },
  ),
  to("no-timeout", { prefix: "/slow/endless" }, { timeout: 0 }),
  to("timeout", { prefix: "/slow" }, { timeout: 250 }),
  to("abort", { prefix: "/fault/abort" }, {}, fault({ abort: { httpStatus: 418, percentage: always } })),
  to("abort-grpc", { prefix: "/fault/grpc" }, {}, fault({ abort: { grpcStatus: 8, percentage: always } })),
  to("delay", { prefix: "/fault/delay" }, {}, fault({ delay: { fixedDelay: 80, percentage: always } })),
  to(
    "both",
    { prefix: "/fault/both" },
    {},
    fault({
      delay: { fixedDelay: 30, percentage: always },
      abort: { httpStatus: 429, percentage: always },
      headers: [{ name: "x-kind", stringMatch: { exact: "one" } }],
    }),
  ),
  to("open", { prefix: "/denied/but-open" }, {}, { typedPerFilterConfig: { "rbac-deny": pack(HttpRbacPerRoute, {}) } }),
  to(
    "allow-some",
    { prefix: "/allow" },
    {},
    { typedPerFilterConfig: { "rbac-allow": pack(HttpRbacPerRoute, { rbac: gets() }) } },
  ),
];

function backOff() {
  return { baseInterval: 10, maxInterval: 20 };
}

function gets(): HttpRbac {
  const get = { header: { name: ":method", stringMatch: { exact: "GET" } } };
  return { rules: { action: "ALLOW", policies: { gets: { permissions: [get], principals: [{ any: true }] } } } };
}

const routes: readonly Route[] = [...matching, ...rewriting, ...forwarding, to("rest", { prefix: "/" })];

const other = (name: string, domains: readonly string[]): VirtualHost => ({
  name,
  domains,
  routes: [to(`${name}-rest`, { prefix: "/" })],
  responseHeadersToAdd: [set("x-host", name, "APPEND_IF_EXISTS_OR_ADD")],
});

export const routeConfiguration: RouteConfiguration = {
  name: "routes",
  // One cluster is missing on purpose.
  validateClusters: false,
  requestHeadersToAdd: [set("x-config", "yes", "APPEND_IF_EXISTS_OR_ADD")],
  responseHeadersToAdd: [set("x-level", "config", "APPEND_IF_EXISTS_OR_ADD")],
  virtualHosts: [
    {
      name: "main",
      domains: ["main.example", "main.example:*", "old.example", "*.forbidden"],
      routes,
      includeRequestAttemptCount: true,
      includeAttemptCountInResponse: true,
      requestHeadersToAdd: [set("x-over", "by host", "OVERWRITE_IF_EXISTS_OR_ADD")],
      responseHeadersToAdd: [set("x-level", "host", "APPEND_IF_EXISTS_OR_ADD")],
      retryPolicy: { retryOn: "reset", numRetries: 1 },
    },
    other("exact", ["exact.example", "exact.example:8080"]),
    other("suffix", ["*.example"]),
    other("long-suffix", ["*.deep.example"]),
    other("prefix", ["first.*"]),
    { name: "secure", domains: ["secure.example"], requireTls: "ALL", routes: [to("secure", { prefix: "/" })] },
    { name: "bare", domains: ["bare.example"], routes: [to("bare", { prefix: "/only" })] },
  ],
};

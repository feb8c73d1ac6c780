/**
 * The CORS filter: answers preflight requests of browsers, and tells them on other answers who may read these.
 *
 * Source: `envoy.extensions.filters.http.cors.v3.CorsPolicy` and Envoy's filter. A field that the most specific level leaves out is
 * taken from the next; whether the filter is on, the most specific one says alone. Routes that answer themselves have no CORS. The
 * filter has nothing to do until a route has a policy, and costs a request without `origin` one look.
 *
 * Not here: policies that are only tried (`shadow_enabled`), which change no answer.
 *
 * @module
 */
import { Cors, CorsPolicy } from "../../xds/proto/filter-cors.ts";
import { fieldPath, refuseOthers, unpackAt } from "../compile-error.ts";
import type { HeaderOperation, Reply } from "../http.ts";
import { compileRuntimeFraction, isWithin } from "../match/fraction.ts";
import { compileStringMatcher, type StringCheck } from "../match/string-matcher.ts";
import { wireText } from "../match/wire-text.ts";
import type { Observer } from "../observer.ts";
import type { RequestView } from "../request.ts";
import { quoted, type Trace } from "../trace.ts";
import type { FilterContext, FilterType, LevelConfig } from "./filter-type.ts";
import type { FilterStep, RouteTarget } from "./target.ts";

export const CORS_FILTER: FilterType = {
  message: Cors,
  forwardsOnly: true,
  compile: () => undefined,
  compileForRoute: (config, path, context) => compileCors([{ config, path }], context),
  compileLevels: compileCors,
};

const KNOWN = new Set([
  "allowOriginStringMatch",
  "allowMethods",
  "allowHeaders",
  "exposeHeaders",
  "maxAge",
  "allowCredentials",
  "filterEnabled",
  "shadowEnabled",
  "allowPrivateNetworkAccess",
  "forwardNotMatchingPreflights",
]);
/** A draw for `filter_enabled` is among as many. */
const RANDOM_VALUES = 2 ** 32;

interface Policy {
  readonly origins: readonly StringCheck[];
  readonly methods: string;
  readonly headers: string;
  readonly expose: string;
  readonly maxAge: string;
  readonly credentials: boolean;
  readonly privateNetwork: boolean;
  readonly forwardsUnmatched: boolean;
}

/** @param levels The most specific first. @throws {CompileError} */
function compileCors(levels: readonly LevelConfig[], { observer }: FilterContext): FilterStep | undefined {
  const policies = levels.map(({ config, path }) => {
    const policy = unpackAt(config, CorsPolicy, path);
    refuseOthers(policy, path, KNOWN);
    return { policy, path };
  });
  const enabled = compileRuntimeFraction(policies[0]?.policy.filterEnabled);
  if (enabled?.numerator === 0) return undefined;
  const step = stepOf(joined(policies), observer);
  if (enabled === undefined) return step;
  return (request, peer, target, random, trace) =>
    request.header("origin") && isWithin(enabled, Math.floor(random() * RANDOM_VALUES))
      ? step(request, peer, target, random, trace)
      : undefined;
}

function joined(policies: readonly { readonly policy: CorsPolicy; readonly path: string }[]): Policy {
  const text = (field: "allowMethods" | "allowHeaders" | "exposeHeaders" | "maxAge"): string =>
    wireText(policies.map(({ policy }) => policy[field] ?? "").find((value) => value !== "") ?? "");
  const flag = (
    field: "allowCredentials" | "allowPrivateNetworkAccess" | "forwardNotMatchingPreflights",
  ): boolean | undefined => policies.map(({ policy }) => policy[field]).find((value) => value !== undefined);
  const origins = policies.map(({ path, policy }) =>
    (policy.allowOriginStringMatch ?? []).map((matcher, i) =>
      compileStringMatcher(matcher, `${fieldPath(path, "allowOriginStringMatch")}[${i}]`),
    ),
  );
  return {
    origins: origins.find((list) => list.length > 0) ?? [],
    methods: text("allowMethods"),
    headers: text("allowHeaders"),
    expose: text("exposeHeaders"),
    maxAge: text("maxAge"),
    credentials: flag("allowCredentials") ?? false,
    privateNetwork: flag("allowPrivateNetworkAccess") ?? false,
    forwardsUnmatched: flag("forwardNotMatchingPreflights") ?? true,
  };
}

function stepOf(policy: Policy, observer: Observer | undefined): FilterStep {
  const isAny = policy.origins.some(({ test }) => test("*"));
  const edits = { t: "edits", responseHeaders: responseOperations(policy) } as const;
  return (request, _peer, target, _random, trace) => {
    const origin = request.header("origin");
    if (origin === undefined || origin === "") return undefined;
    const isAllowed = isAny || policy.origins.some(({ test }) => test(origin));
    observer?.cors?.(isAllowed);
    const asked = request.method === "OPTIONS" ? request.header("access-control-request-method") : undefined;
    const answers = asked !== undefined && asked !== "" && (isAllowed || !policy.forwardsUnmatched);
    if (trace !== undefined) traceOrigin(policy, origin, isAllowed, answers, trace);
    if (answers) return preflight(policy, request, origin, asked, isAllowed, target);
    return isAllowed ? edits : undefined;
  };
}

/** On what the route answers, whoever made the answer. */
function responseOperations({ credentials, expose }: Policy): readonly HeaderOperation[] {
  const set = (lowerName: string, value: string): HeaderOperation => ({
    t: "set",
    name: lowerName,
    lowerName,
    value,
    format: undefined,
    keepEmpty: false,
  });
  return [
    {
      ...set("access-control-allow-origin", ""),
      value: undefined,
      format: (view) => view.requestHeader("origin") ?? "",
      opensLevel: true,
    },
    ...(credentials ? [set("access-control-allow-credentials", "true")] : []),
    ...(expose === "" ? [] : [set("access-control-expose-headers", expose)]),
  ];
}

/** The route's own header edits are not for it, as in Envoy. */
function preflight(
  policy: Policy,
  request: RequestView,
  origin: string,
  asked: string,
  isAllowed: boolean,
  { clusterName, route }: RouteTarget,
): Reply {
  const headers: (readonly [string, string])[] = [];
  const say = (name: string, value: string): void => void headers.push([`access-control-${name}`, value]);
  if (isAllowed) say("allow-origin", origin);
  if (policy.credentials) say("allow-credentials", "true");
  if (policy.methods !== "") say("allow-methods", policy.methods === "*" ? asked : policy.methods);
  if (policy.headers !== "") say("allow-headers", policy.headers === "*" ? wantedHeaders(request) : policy.headers);
  if (policy.maxAge !== "") say("max-age", policy.maxAge);
  if (policy.privateNetwork && request.header("access-control-request-private-network") === "true")
    say("allow-private-network", "true");
  if (isAllowed && policy.expose !== "") say("expose-headers", policy.expose);
  return {
    t: "reply",
    status: 200,
    headers,
    responseHeaders: [],
    body: "",
    flag: "",
    details: "cors_response",
    route,
    clusterName,
    kind: undefined,
    grpcStatus: undefined,
    closes: false,
  };
}

const wantedHeaders = (request: RequestView): string => request.header("access-control-request-headers") ?? "";

function traceOrigin({ origins }: Policy, origin: string, isAllowed: boolean, answers: boolean, trace: Trace): void {
  const wanted = origins.map((check) => check.wanted).join(" or ") || "none";
  const what = answers ? "; this is a preflight request, which is answered here" : "";
  trace.push({
    step: "filter",
    subject: "cors",
    verdict: isAllowed ? "applied" : "skipped",
    reason: `origin: wanted ${wanted}, found ${quoted(origin)}${what}`,
  });
}

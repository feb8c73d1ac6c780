/**
 * What a rule of an HTTPRoute or GRPCRoute does with a request.
 *
 * Source: the Gateway API. Calls that no backend can take get a 500, those of a GRPCRoute UNAVAILABLE; where some of the backends
 * are invalid, their share of the calls does; and so do calls that a filter would see which is not supported. Times that are not given are unlimited; a backend's time is that of each try. Retries are the
 * mesh's where the rule says nothing of them.
 *
 * @module
 */
import { backendRetries } from "../backend-policy.ts";
import type {
  ResolvedMirror,
  ResolvedRouteBackend,
  ResolvedRule,
} from "../../model/gateway-api/attachment/attachment.ts";
import type {
  GrpcRouteRule,
  HttpRouteRule,
  RequestRedirect,
  RouteFilters,
  RouteRetry,
  UrlRewrite,
} from "../../model/gateway-api/route.ts";
import type { Retries } from "../../model/virtual-service.ts";
import type { Route } from "../../xds/proto/route.ts";
import type { ClusterWeight, RedirectAction, RequestMirrorPolicy, RouteAction } from "../../xds/proto/route-action.ts";
import { corsConfig } from "../cors.ts";
import { percentOf } from "../fault.ts";
import { routeHashPolicy } from "../hash-policy.ts";
import { headerEdits } from "../header-edits.ts";
import { REDIRECT_CODES } from "../redirect.ts";
import { retryPolicy } from "../retry-policy.ts";
import { outboundCluster } from "../scope.ts";
import { policySessions } from "./backend-traffic.ts";
import type { RequestContext } from "./context.ts";
import { sessionConfig, type SessionPlace } from "../stateful-session.ts";
import { pathRewrite } from "./path-modifier.ts";

export type RequestRule = ResolvedRule<HttpRouteRule | GrpcRouteRule, ResolvedRouteBackend>;

export interface RuleInput {
  readonly rule: RequestRule;
  readonly kind: "HTTPRoute" | "GRPCRoute";
  /** The path that the match wants, as far as it is a prefix. */
  readonly matched: string;
  readonly context: RequestContext;
  readonly session: Omit<SessionPlace, "backends">;
}

/**
 * One action, or several that share the requests by chance: a backend whose filters redirect, rewrite or mirror needs a route of
 * its own.
 */
export function ruleActions(input: RuleInput): readonly Route[] {
  const { rule, context, matched } = input;
  const { filters } = rule.rule;
  if (filters.unsupported.length > 0) return [unavailable(input)];
  if (filters.redirect !== undefined) return [redirecting(filters, filters.redirect, matched, context)];
  const live = rule.backends.filter(({ backend }) => backend.weight > 0);
  if (live.every(({ target }) => target.t === "invalid")) return [unavailable(input)];
  // A session goes on at a backend that has no weight any more.
  if (rule.backends.length > 1 && keepsSessions(input) && !rule.backends.some(needsRoute))
    return [weighted(input, rule.backends)];
  const [only] = live;
  if (live.length === 1 && only !== undefined) return [forBackend(input, only)];
  if (live.some(needsRoute)) return byChance(input, live);
  return [weighted(input, live)];
}

const keepsSessions = (input: RuleInput): boolean =>
  input.rule.rule.sessionPersistence !== undefined ||
  ofPolicies(input, input.rule.backends).typedPerFilterConfig !== undefined;

const needsRoute = ({ backend: { filters } }: ResolvedRouteBackend): boolean =>
  filters.redirect !== undefined ||
  filters.rewrite !== undefined ||
  filters.mirrors.length > 0 ||
  filters.unsupported.length > 0 ||
  filters.cors !== undefined;

const INTERNAL_SERVER_ERROR = 500;
const SERVICE_UNAVAILABLE = 503;

const unavailable = ({ kind, rule: { rule } }: RuleInput): Route => ({
  directResponse: { status: kind === "GRPCRoute" ? SERVICE_UNAVAILABLE : INTERNAL_SERVER_ERROR },
  ...headerEdits(rule.filters.headers),
  ...filterConfig(rule.filters),
});

/** @param input Of a route that forwards: its session goes along, or that of the backends' policies. */
function filterConfig(
  { cors }: RouteFilters,
  input?: RuleInput,
  to: readonly ResolvedRouteBackend[] = [],
): Pick<Route, "typedPerFilterConfig"> {
  const session = input?.rule.rule.sessionPersistence;
  const { typedPerFilterConfig: others } = session === undefined && input !== undefined ? ofPolicies(input, to) : {};
  if (cors === undefined && session === undefined && others === undefined) return {};
  return {
    typedPerFilterConfig: {
      ...(cors !== undefined && corsConfig(cors)),
      ...(input !== undefined &&
        session !== undefined &&
        sessionConfig(session, { ...input.session, backends: input.rule.backends.length })),
      ...others,
    },
  };
}

/** A filter of the backend stands in for the rule's, and headers are edited by both. */
function forBackend(input: RuleInput, resolved: ResolvedRouteBackend): Route {
  const { rule, matched, context } = input;
  const { filters } = rule.rule;
  const own = resolved.backend.filters;
  if (own.unsupported.length > 0) return unavailable(input);
  if (own.redirect !== undefined) return redirecting(own, own.redirect, matched, context);
  if (resolved.target.t === "invalid") return unavailable(input);
  const rewrite = own.rewrite ?? filters.rewrite;
  return {
    route: {
      ...common(input, [resolved], rewrite, [...rule.mirrors, ...resolved.mirrors]),
      cluster: clusterOf(resolved, context),
    },
    ...headerEdits(filters.headers, own.headers),
    ...filterConfig(own.cors === undefined ? filters : own, input, [resolved]),
  };
}

function weighted(input: RuleInput, live: readonly ResolvedRouteBackend[]): Route {
  const { rule, context } = input;
  const clusters = live.map(
    (resolved): ClusterWeight => ({
      name: clusterOf(resolved, context),
      weight: resolved.backend.weight,
      ...headerEdits(resolved.backend.filters.headers),
    }),
  );
  const { filters } = rule.rule;
  return {
    route: { ...common(input, live, filters.rewrite, rule.mirrors), weightedClusters: { clusters } },
    ...headerEdits(filters.headers),
    ...filterConfig(filters, input, live),
  };
}

const ofPolicies = (
  { context: { mesh } }: RuleInput,
  to: readonly ResolvedRouteBackend[],
): Pick<Route, "typedPerFilterConfig"> =>
  policySessions(
    mesh,
    to.flatMap(({ target }) => (target.t === "service" ? [target.service.hostname] : [])),
  );

const MILLION = 1_000_000;

/**
 * Envoy draws one number for a request and holds it against every route, so the shares add up: each route takes what is
 * below the sum so far, and the last all that is left.
 */
function byChance(input: RuleInput, live: readonly ResolvedRouteBackend[]): readonly Route[] {
  const total = live.reduce((sum, { backend }) => sum + backend.weight, 0);
  let sum = 0;
  return live.map((resolved, i) => {
    sum += resolved.backend.weight;
    const route = forBackend(input, resolved);
    if (i === live.length - 1) return route;
    const numerator = Math.round((sum / total) * MILLION);
    return { ...route, match: { runtimeFraction: { defaultValue: { numerator, denominator: "MILLION" } } } };
  });
}

/** No cluster has this name: such calls are answered with a 500. */
export const NO_BACKEND = "invalid-backend";

const clusterOf = ({ target }: Pick<ResolvedRouteBackend, "target">, { scope }: RequestContext): string =>
  target.t === "invalid" ? NO_BACKEND : outboundCluster(scope, target.port, undefined, target.service.hostname);

function common(
  { kind, rule, matched, context }: RuleInput,
  backends: readonly ResolvedRouteBackend[],
  rewrite: UrlRewrite | undefined,
  mirrors: readonly ResolvedMirror[],
): RouteAction {
  const { timeouts, retry } = timesOf(rule.rule);
  const hashed = backends.flatMap(({ target }) =>
    target.t === "service" ? [{ host: target.service.hostname, port: target.port.number }] : [],
  );
  const hashPolicy = routeHashPolicy(context.mesh, context.scope, hashed);
  const timeoutMs = timeouts?.requestMs ?? 0;
  return {
    ...pathRewrite(rewrite?.path, matched),
    hostRewriteLiteral: rewrite?.hostname,
    timeout: timeoutMs,
    maxGrpcTimeout: timeoutMs,
    retryPolicy: retryPolicy(
      retriesOf(retry, timeouts?.backendRequestMs),
      hashPolicy !== undefined,
      backendRetries(
        context.mesh,
        context.scope.namespace,
        hashed.map(({ host }) => host),
      ),
    ),
    hashPolicy,
    requestMirrorPolicies: mirrorPolicies(mirrors, context),
    clusterNotFoundResponseCode:
      kind === "HTTPRoute" && backends.some(({ target }) => target.t === "invalid")
        ? "INTERNAL_SERVER_ERROR"
        : undefined,
  };
}

const timesOf = (rule: HttpRouteRule | GrpcRouteRule): Partial<Pick<HttpRouteRule, "timeouts" | "retry">> =>
  "timeouts" in rule ? rule : {};

/** Of a call that certainly did not get through, or whose connection ended: the specification's "connection errors". */
const CONNECTION_ERRORS = ["connect-failure", "refused-stream", "reset", "unavailable", "cancelled"];
const DEFAULT_ATTEMPTS = 2;

function retriesOf(retry: RouteRetry | undefined, perTryMs: number | undefined): Retries | undefined {
  const perTryTimeoutMs = perTryMs === 0 ? undefined : perTryMs;
  if (retry === undefined && perTryTimeoutMs === undefined) return undefined;
  return {
    attempts: retry?.attempts ?? DEFAULT_ATTEMPTS,
    perTryTimeoutMs,
    retryOn: retry === undefined ? undefined : [...CONNECTION_ERRORS, ...retry.codes.map(String)],
    backoffMs: retry?.backoffMs,
    ignorePreviousHosts: true,
  };
}

function mirrorPolicies(
  mirrors: readonly ResolvedMirror[],
  context: RequestContext,
): RouteAction["requestMirrorPolicies"] {
  const live = mirrors.filter(({ mirror, target }) => mirror.percentage > 0 && target.t === "service");
  if (live.length === 0) return undefined;
  return live.map(
    ({ mirror, target }): RequestMirrorPolicy => ({
      cluster: clusterOf({ target }, context),
      runtimeFraction: { defaultValue: percentOf(mirror.percentage) },
      traceSampled: false,
      disableShadowHostSuffixAppend: true,
    }),
  );
}

const WELL_KNOWN: Readonly<Record<string, number>> = { http: 80, https: 443 };

function redirecting(
  filters: RouteFilters,
  redirect: RequestRedirect,
  matched: string,
  context: RequestContext,
): Route {
  const { path } = redirect;
  const action: RedirectAction = {
    schemeRedirect: redirect.scheme,
    hostRedirect: redirect.hostname,
    portRedirect: redirectPort(redirect, context),
    ...(path?.t === "ReplaceFullPath" ? { pathRedirect: path.value } : pathRewrite(path, matched)),
    responseCode: REDIRECT_CODES[redirect.statusCode],
  };
  return { redirect: action, ...headerEdits(filters.headers), ...filterConfig(filters) };
}

/**
 * A port that is not given is the well-known one of the scheme that is, else the listener's. It is left out where it is
 * well-known, unless the request may carry another: Envoy keeps what the client has called.
 */
function redirectPort({ scheme, port, hostname }: RequestRedirect, context: RequestContext): number | undefined {
  const own = context.isTls ? "https" : "http";
  const final = scheme ?? own;
  const wanted = port ?? (scheme === undefined ? context.port : WELL_KNOWN[scheme]);
  if (wanted === WELL_KNOWN["https"] && final === "https" && context.httpsPort !== undefined) return context.httpsPort;
  const kept = hostname === undefined && context.port !== WELL_KNOWN[own];
  return wanted === WELL_KNOWN[final] && !kept ? undefined : wanted;
}

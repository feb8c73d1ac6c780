/**
 * One route of a virtual host, compiled.
 *
 * @module
 */
import type { Route, VirtualHost } from "../../xds/proto/route.ts";
import type { RouteAction } from "../../xds/proto/route-action.ts";
import { CompileError, fieldPath, refuseOthers } from "../compile-error.ts";
import type { CompiledRoute, Forward, Reply } from "../http.ts";
import { compileRouteHash } from "../hash/request-hash.ts";
import { headerReader } from "../match/header-matcher.ts";
import { compileSubstitution } from "../match/regex.ts";
import { originOf } from "../origin.ts";
import { type CompiledRateLimit, compileRateLimits } from "../rate-limit/descriptors.ts";
import { pathOnly, type RequestView } from "../request.ts";
import { compileEdits, joinEdits } from "./header-operations.ts";
import { compileDirectResponse, compileRedirect } from "./redirect.ts";
import { compileMirrors, type Mirrors } from "./mirrors.ts";
import { compileRewrite } from "./rewrite.ts";
import { compileClusters, type Pick, type RouteLevels } from "./route-action.ts";
import { type CompiledMatch, compileRouteMatch } from "./route-match.ts";
import { KNOWN_ACTION, KNOWN_ROUTE } from "./route-known.ts";
import { compileStreamLimits } from "./stream-duration.ts";
import type { RouteTarget } from "./target.ts";
import { compileRouteUpgrades } from "./upgrades.ts";

export interface RouteEntry {
  readonly match: CompiledMatch;
  readonly route: CompiledRoute;
  /** For traces: its name, or its number. */
  readonly label: string;
  readonly target: RouteTarget | Pick;
  readonly needsRandom: boolean;
}

/** What a route inherits. */
export interface RouteParent extends Omit<RouteLevels, "route"> {
  readonly virtualHost: VirtualHost;
  readonly virtualClusterOf: CompiledRoute["virtualClusterOf"];
  /** For routes that have none of their own. */
  readonly mirrors: Mirrors | undefined;
  readonly maxDirectResponseBytes: number;
  /** Of the virtual host. */
  readonly rateLimits: readonly CompiledRateLimit[] | undefined;
}

const DEFAULT_TIMEOUT_MS = 15_000;
const CLUSTER_NOT_FOUND = { SERVICE_UNAVAILABLE: 503, NOT_FOUND: 404, INTERNAL_SERVER_ERROR: 500 } as const;

/** @throws {CompileError} */
export function compileRoute(message: Route, index: number, parent: RouteParent, path: string): RouteEntry {
  refuseOthers(message, path, KNOWN_ROUTE);
  const match = compileRouteMatch(message.match, fieldPath(path, "match"));
  const route = compiledRoute(message, parent, match, path);
  const target = compileAction(message, route, parent, match, path);
  const label = message.name ? `${index} "${message.name}"` : String(index);
  return { match, route, label, target, needsRandom: match.needsRandom || typeof target === "function" };
}

function compileAction(
  message: Route,
  route: CompiledRoute,
  parent: RouteParent,
  match: CompiledMatch,
  path: string,
): RouteTarget | Pick {
  const overrides = [
    { configs: message.typedPerFilterConfig, path: fieldPath(path, "typedPerFilterConfig") },
    ...parent.overrides,
  ];
  const edits = [compileEdits(message, path), ...parent.edits];
  if (message.route !== undefined) {
    return compileClusters(message.route, { ...parent, route, edits, overrides }, fieldPath(path, "route"));
  }
  const responseHeaders = joinEdits(edits, parent.mostSpecificWins).response;
  const end = compileOwnReply(message, route, parent, match, responseHeaders, path);
  const filters = parent.filters.withOverrides(overrides, false);
  return { route, clusterName: undefined, filters, responseHeaders, end };
}

function compileOwnReply(
  { redirect, directResponse }: Route,
  route: CompiledRoute,
  parent: RouteParent,
  match: CompiledMatch,
  responseHeaders: Forward["responseHeaders"],
  path: string,
): Reply | ((request: RequestView) => Reply) {
  if (redirect !== undefined) {
    return compileRedirect(redirect, match.path, route, responseHeaders, fieldPath(path, "redirect"));
  }
  if (directResponse === undefined) throw new CompileError(path, "must hold route, redirect or direct_response");
  const at = fieldPath(path, "directResponse");
  return compileDirectResponse(directResponse, route, responseHeaders, parent.maxDirectResponseBytes, at);
}

function compiledRoute(message: Route, parent: RouteParent, match: CompiledMatch, path: string): CompiledRoute {
  const at = fieldPath(path, "route");
  const action: RouteAction = message.route ?? {};
  refuseOthers(action, at, KNOWN_ACTION);
  const { virtualHost } = parent;
  return {
    name: message.name ?? "",
    virtualHostName: virtualHost.name ?? "",
    // As Envoy, whatever is said: of the two the newer one counts.
    timeoutMs: action.maxStreamDuration === undefined ? (action.timeout ?? DEFAULT_TIMEOUT_MS) : 0,
    maxGrpcTimeoutMs: action.maxStreamDuration === undefined ? action.maxGrpcTimeout : undefined,
    idleTimeoutMs: action.idleTimeout,
    streamLimits: compileStreamLimits(action),
    retryPolicyMessage: action.retryPolicy,
    virtualHostRetryPolicy: virtualHost.retryPolicy,
    rewritePath: message.route === undefined ? undefined : compileRewrite(action, match.path, at),
    autoHostRewrite: action.autoHostRewrite ?? false,
    hostRewriteOf: hostRewriteOf(action, at),
    appendXForwardedHost: action.appendXForwardedHost ?? false,
    includeAttemptCount: {
      request: virtualHost.includeRequestAttemptCount ?? false,
      response: virtualHost.includeAttemptCountInResponse ?? false,
    },
    clusterNotFoundStatus: CLUSTER_NOT_FOUND[action.clusterNotFoundResponseCode ?? "SERVICE_UNAVAILABLE"],
    priority: action.priority ?? "DEFAULT",
    hash: compileRouteHash(action.hashPolicy, fieldPath(at, "hashPolicy")),
    origin: originOf(message.metadata) ?? originOf(virtualHost.metadata),
    metadata: message.metadata,
    virtualClusterOf: parent.virtualClusterOf,
    mirrors: mirrorsOf(action, parent, at),
    rateLimitsFor: rateLimitsFor(action, parent, at),
    upgrades: compileRouteUpgrades(action.upgradeConfigs, fieldPath(at, "upgradeConfigs")),
  };
}

function rateLimitsFor(
  { rateLimits, includeVhRateLimits = false }: RouteAction,
  parent: RouteParent,
  path: string,
): CompiledRoute["rateLimitsFor"] {
  const own = compileRateLimits(rateLimits, fieldPath(path, "rateLimits")) ?? [];
  const inherited = parent.rateLimits ?? [];
  if (own.length + inherited.length === 0) return noRateLimits;
  return (virtualHosts) => {
    if (includeVhRateLimits || virtualHosts === "INCLUDE") return [...own, ...inherited];
    return virtualHosts === "IGNORE" || (rateLimits ?? []).length > 0 ? own : inherited;
  };
}

const NO_RATE_LIMITS: readonly CompiledRateLimit[] = [];
const noRateLimits = (): readonly CompiledRateLimit[] => NO_RATE_LIMITS;

function mirrorsOf(
  { requestMirrorPolicies = [] }: RouteAction,
  parent: RouteParent,
  path: string,
): Mirrors | undefined {
  if (requestMirrorPolicies.length === 0) return parent.mirrors;
  return compileMirrors(requestMirrorPolicies, fieldPath(path, "requestMirrorPolicies"));
}

function hostRewriteOf(action: RouteAction, path: string): CompiledRoute["hostRewriteOf"] {
  const { hostRewriteHeader, hostRewritePathRegex } = action;
  if (hostRewritePathRegex !== undefined) {
    const substitute = compileSubstitution(hostRewritePathRegex, fieldPath(path, "hostRewritePathRegex"));
    return (request) => substitute(pathOnly(request.path)) || undefined;
  }
  return hostRewriteHeader ? headerReader(hostRewriteHeader.toLowerCase()) : undefined;
}

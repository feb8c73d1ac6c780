/**
 * An HTTP connection manager, compiled: requests in, decisions out.
 *
 * Everything that the configuration settles is settled in {@link compileHttp}: a request only calls functions, and most
 * decisions are objects made there. `decide` is pure but for the random numbers that it is given.
 *
 * Source: `HttpConnectionManager`, `RouteConfiguration` and the HTTP filters of Envoy's v3 API, in Envoy's order: the
 * route is looked up first, then the filters run as configured, then the router acts on the route. What is not
 * supported is refused with its path.
 *
 * @module
 */
import type { Random } from "../base/random.ts";
import type { AccessLog } from "../xds/proto/access-log.ts";
import type { Metadata } from "../xds/proto/core-base.ts";
import type { HttpConnectionManager } from "../xds/proto/http-connection-manager.ts";
import type { RetryPolicy } from "../xds/proto/route-action.ts";
import type { RouteConfiguration } from "../xds/proto/route.ts";
import { CompileError } from "./compile-error.ts";
import { type FailureKind, replyOf } from "./failures.ts";
import type { RouteHash } from "./hash/request-hash.ts";
import { compileFilters } from "./http/filters.ts";
import type { FilterChain } from "./http/filters.ts";
import { decideTarget } from "./http/decide.ts";
import type { Mirror, Mirrors } from "./http/mirrors.ts";
import type { RouterSettings } from "./http/router.ts";
import { compileRoutes, type RouteTable } from "./http/route-table.ts";
import { compileSettings, type HttpSettings } from "./http/settings.ts";
import type { StreamLimits } from "./http/stream-duration.ts";
import type { RouteTarget } from "./http/target.ts";
import { mayUpgrade, type RouteUpgrades } from "./http/upgrades.ts";
import type { Session } from "./http/stateful-session.ts";
import type { Observer } from "./observer.ts";
import type { CompiledRateLimit } from "./rate-limit/descriptors.ts";
import type { RouteOrigin } from "./origin.ts";
import type { PathNormalizer } from "./path-normalization.ts";
import type { PeerView, RequestView, SubstitutionView } from "./request.ts";
import type { Trace } from "./trace.ts";

export type Decision = Forward | Reply | Delay;

/** One object for each route and each of its weighted clusters. */
export interface Forward {
  readonly t: "forward";
  readonly route: CompiledRoute;
  /** Empty when the header that should name it is missing: there is no such cluster. */
  readonly clusterName: string;
  /** In the order in which they are applied. */
  readonly requestHeaders: readonly HeaderOperation[];
  readonly responseHeaders: readonly HeaderOperation[];
  readonly hostRewrite: string | undefined;
  /** What a weighted cluster makes of the host. A route's own rewrite comes behind it, and alone tells what it changed. */
  readonly clusterHost: string | undefined;
  /** Which endpoints of the cluster, raw; those of the weighted cluster are merged in. */
  readonly metadataMatch: Metadata | undefined;
  /** Who gets a copy of this request; undefined for nobody. */
  readonly mirrors: readonly Mirror[] | undefined;
  /** Which endpoint the client has been with; absent where the route keeps no sessions. */
  readonly session?: Session;
}

/** An answer without an upstream. */
export interface Reply {
  readonly t: "reply";
  readonly status: number;
  /** Names are in lower case. */
  readonly headers: readonly (readonly [string, string])[];
  /** Applied after `headers`, when they are written. */
  readonly responseHeaders: readonly HeaderOperation[];
  readonly body: string;
  /** Envoy's response flag; empty for none. */
  readonly flag: string;
  /** `RESPONSE_CODE_DETAILS`. */
  readonly details: string;
  readonly route: CompiledRoute | undefined;
  /** Where the route would have led. */
  readonly clusterName?: string | undefined;
  /** Undefined for what was configured: a redirect or a direct response. */
  readonly kind: FailureKind | undefined;
  /** For gRPC requests, where it is not what the HTTP status says. */
  readonly grpcStatus: number | undefined;
  /** The connection must be closed after it. */
  readonly closes: boolean;
}

/** A fault that was injected: flag `DI` joins the flags of what follows. */
export interface Delay {
  readonly t: "delay";
  readonly delayMs: number;
  readonly then: Forward | Reply;
}

export interface HeaderOperation {
  readonly t: "remove" | "set" | "append" | "addIfAbsent" | "setIfPresent";
  readonly name: string;
  readonly lowerName: string;
  /** A constant. */
  readonly value: string | undefined;
  /** Envoy's `%…%`; an empty result changes nothing unless `keepEmpty`. */
  readonly format: ((view: SubstitutionView) => string) | undefined;
  readonly keepEmpty: boolean;
  /** The first of its level: of a route, say, behind those of a weighted cluster. */
  readonly opensLevel?: true;
}

export interface CompiledRoute {
  /** The route's own; may be empty. */
  readonly name: string;
  readonly virtualHostName: string;
  /** For the whole exchange. 0: none. */
  readonly timeoutMs: number;
  /** In place of `timeoutMs` gRPC calls have what their `grpc-timeout` asks for, up to this (0: any). Undefined: they do not. */
  readonly maxGrpcTimeoutMs: number | undefined;
  /** Replaces the connection manager's stream idle timeout; 0: none. */
  readonly idleTimeoutMs: number | undefined;
  readonly streamLimits: StreamLimits;
  /** The route's own. Where it is undefined the virtual host's counts. */
  readonly retryPolicyMessage: RetryPolicy | undefined;
  readonly virtualHostRetryPolicy: RetryPolicy | undefined;
  /** From a path with its query to a path with its query. */
  readonly rewritePath: ((path: string) => string) | undefined;
  /** The host is the endpoint's name. */
  readonly autoHostRewrite: boolean;
  /** The host is taken from the request: a header, or its path. */
  readonly hostRewriteOf: ((request: RequestView) => string | undefined) | undefined;
  readonly appendXForwardedHost: boolean;
  readonly includeAttemptCount: { readonly request: boolean; readonly response: boolean };
  readonly clusterNotFoundStatus: number;
  readonly priority: "DEFAULT" | "HIGH";
  /** What of a request chooses its endpoint, where the cluster's balancer hashes; undefined for nothing. */
  readonly hash: RouteHash | undefined;
  readonly origin: RouteOrigin | undefined;
  readonly metadata: Metadata | undefined;
  /** Who may get copies of its requests; undefined for nobody. */
  readonly mirrors: Mirrors | undefined;
  /** Undefined: what the connection manager says counts. */
  readonly upgrades: RouteUpgrades | undefined;
  /** What its requests count as, for limits; the virtual host's join, or stand in where it has none, as is asked. */
  readonly rateLimitsFor: (virtualHosts: "OVERRIDE" | "INCLUDE" | "IGNORE") => readonly CompiledRateLimit[];
  /** The virtual cluster that a request counts for; undefined where there are none. */
  readonly virtualClusterOf: ((request: RequestView, peer: PeerView) => string) | undefined;
}

export interface CompiledHttp {
  /**
   * The path must be normalized ({@link CompiledHttp.normalizePath}) and the authority as `normalizeAuthority` gives it.
   *
   * @param random One draw serves routes and weighted clusters; faults draw again.
   * @param trace Gets the reasons, step by step.
   */
  decide(request: RequestView, peer: PeerView, random: Random, trace?: Trace): Decision;
  readonly normalizePath: PathNormalizer;
  /** The authority to decide by and to forward; the same string when nothing is stripped. */
  normalizeAuthority(authority: string, localPort: number): string;
  readonly routeTable: RouteTable;
  readonly accessLogs: readonly AccessLog[];
  readonly settings: HttpSettings;
  readonly router: RouterSettings;
  /** The same connection manager with other routes, as RDS brings them. @throws {CompileError} */
  withRoutes(routeConfiguration: RouteConfiguration): CompiledHttp;
}

export interface CompileOptions {
  /** Is told what was evaluated without being enforced, and what was enforced. */
  readonly observer?: Observer;
  /** For limits over time. Without it none fills up again. */
  readonly nowMs?: () => number;
  /** For sessions that end. Without it none does. */
  readonly wallMs?: () => number;
  /** Which part of a limit this process holds. Default 1. */
  readonly share?: number;
  /** Where the message is, for errors. */
  readonly path?: string;
}

/**
 * @param rds The route configurations that are there. For one that is not, no request has a route.
 * @throws {CompileError} With the path of the field that is wrong or not supported.
 */
export function compileHttp(
  hcm: HttpConnectionManager,
  rds: (name: string) => RouteConfiguration | undefined,
  options: CompileOptions = {},
): CompiledHttp {
  const path = options.path ?? "";
  const settings = compileSettings(hcm, path);
  const filters = compileFilters(hcm.httpFilters ?? [], path === "" ? "http_filters" : `${path}.http_filters`, {
    settings,
    observer: options.observer,
    nowMs: options.nowMs ?? (() => 0),
    wallMs: options.wallMs ?? (() => 0),
    share: options.share ?? 1,
  });
  const { routes, at } = routesOf(hcm, rds, path);
  return new Http(settings, filters, hcm.accessLog ?? [], compileRoutes(routes, filters, at));
}

function routesOf(hcm: HttpConnectionManager, rds: (name: string) => RouteConfiguration | undefined, path: string) {
  const prefix = path === "" ? "" : `${path}.`;
  if (hcm.routeConfig !== undefined) return { routes: hcm.routeConfig, at: `${prefix}route_config` };
  const name = hcm.rds?.routeConfigName;
  if (name === undefined) throw new CompileError(path, "must hold route_config or rds");
  return { routes: rds(name) ?? { name }, at: "" };
}

class Http implements CompiledHttp {
  readonly settings: HttpSettings;
  readonly accessLogs: readonly AccessLog[];
  readonly routeTable: RouteTable;
  readonly normalizePath: PathNormalizer;
  readonly router: RouterSettings;
  readonly #filters: FilterChain;

  constructor(settings: HttpSettings, filters: FilterChain, accessLogs: readonly AccessLog[], routes: RouteTable) {
    this.settings = settings;
    this.accessLogs = accessLogs;
    this.routeTable = routes;
    this.normalizePath = settings.normalizePath;
    this.router = filters.router;
    this.#filters = filters;
  }

  decide(request: RequestView, peer: PeerView, random: Random, trace?: Trace): Decision {
    const target = this.routeTable.find(request, peer, random, trace);
    if (request.upgrade && !this.#mayUpgrade(request.upgrade, target, trace))
      return { ...replyOf("upgradeRefused", "", target), clusterName: target.clusterName };
    return decideTarget(target, request, peer, random, trace);
  }

  /** A request that no route takes is answered like any other. */
  #mayUpgrade(type: string, { route }: RouteTarget, trace: Trace | undefined): boolean {
    if (route === undefined) return true;
    const may = mayUpgrade(type, this.settings.upgrades, route.upgrades);
    trace?.push({
      step: "route",
      subject: `upgrade to ${type}`,
      verdict: may ? "chosen" : "skipped",
      reason: may ? "upgrade_configs allow it" : "no upgrade_configs of the route or the connection manager allow it",
    });
    return may;
  }

  normalizeAuthority(authority: string, localPort: number): string {
    return this.settings.normalizeAuthority?.(authority, localPort) ?? authority;
  }

  withRoutes(routeConfiguration: RouteConfiguration): CompiledHttp {
    const routes = compileRoutes(routeConfiguration, this.#filters, "", this.routeTable);
    return new Http(this.settings, this.#filters, this.accessLogs, routes);
  }
}

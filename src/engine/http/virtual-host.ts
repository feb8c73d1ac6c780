/**
 * A virtual host, compiled: its routes in order, by index when they are many.
 *
 * @module
 */
import type { VirtualCluster, VirtualHost } from "../../xds/proto/route.ts";
import { fieldPath, refuseOthers } from "../compile-error.ts";
import type { CompiledRoute } from "../http.ts";
import { allOf, type Check } from "../match/check.ts";
import { compileHeaderMatchers } from "../match/header-matcher.ts";
import { originOf, type RouteOrigin } from "../origin.ts";
import { compileRateLimits } from "../rate-limit/descriptors.ts";
import type { PeerView, RequestView } from "../request.ts";
import type { Trace, TraceStep } from "../trace.ts";
import { compileEdits } from "./header-operations.ts";
import { compileMirrors } from "./mirrors.ts";
import { httpsRedirect } from "./redirect.ts";
import { reasonOf } from "./route-match.ts";
import { compileRoute, type RouteEntry, type RouteParent } from "./route.ts";
import { INDEX_FROM, RouteIndex } from "./route-index.ts";
import { KNOWN_VIRTUAL_HOST } from "./route-known.ts";
import type { HttpSettings } from "./settings.ts";
import type { RouteTarget } from "./target.ts";

/** What a virtual host inherits. */
export interface HostParent extends Omit<RouteParent, "virtualHost" | "virtualClusterOf" | "rateLimits"> {
  readonly settings: HttpSettings;
}

export class CompiledVirtualHost {
  readonly name: string;
  readonly domains: readonly string[];
  readonly origin: RouteOrigin | undefined;
  readonly routes: readonly RouteEntry[];
  readonly needsRandom: boolean;
  readonly #index: RouteIndex | undefined;
  readonly #tls: TlsRequirement | undefined;

  constructor(message: VirtualHost, routes: readonly RouteEntry[], tls: TlsRequirement | undefined) {
    this.name = message.name ?? "";
    this.domains = message.domains ?? [];
    this.origin = originOf(message.metadata);
    this.routes = routes;
    this.needsRandom = routes.some((route) => route.needsRandom);
    this.#index =
      routes.length < INDEX_FROM
        ? undefined
        : new RouteIndex(routes.map(({ match }) => ({ path: match.path.key, values: match.values })));
    this.#tls = tls;
  }

  /** @param path Without query. Undefined when no route matches. */
  find(
    request: RequestView,
    peer: PeerView,
    path: string,
    randomValue: number,
    trace: Trace | undefined,
  ): RouteTarget | undefined {
    if (this.#tls?.missing(request, peer) === true) return this.#tls.target;
    if (trace !== undefined) return this.#findTracing(request, peer, path, randomValue, trace);
    const entry = this.#entryFor(request, peer, path, randomValue);
    if (entry === undefined) return undefined;
    const { target } = entry;
    return typeof target === "function" ? target(request, randomValue, trace) : target;
  }

  #entryFor(request: RequestView, peer: PeerView, path: string, randomValue: number): RouteEntry | undefined {
    const { routes } = this;
    if (this.#index !== undefined) {
      const found = this.#index.find(path, request, (i) =>
        (routes[i] as RouteEntry).match.test(request, peer, path, randomValue),
      );
      return routes[found];
    }
    for (const route of routes) if (route.match.test(request, peer, path, randomValue)) return route;
    return undefined;
  }

  #findTracing(request: RequestView, peer: PeerView, path: string, randomValue: number, trace: Trace) {
    for (const { match, target, label, route } of this.routes) {
      const matches = match.test(request, peer, path, randomValue);
      const conditions = match.conditions(request, peer, path, randomValue);
      const step: TraceStep = {
        step: "route",
        subject: label,
        verdict: matches ? "matched" : "notMatched",
        reason: reasonOf(conditions),
        conditions,
      };
      trace.push(route.origin === undefined ? step : { ...step, origin: route.origin });
      if (matches) return typeof target === "function" ? target(request, randomValue, trace) : target;
    }
    return undefined;
  }
}

interface TlsRequirement {
  missing(request: RequestView, peer: PeerView): boolean;
  readonly target: RouteTarget;
}

/** @throws {CompileError} */
export function compileVirtualHost(message: VirtualHost, parent: HostParent, path: string): CompiledVirtualHost {
  refuseOthers(message, path, KNOWN_VIRTUAL_HOST);
  const overrides = [
    { configs: message.typedPerFilterConfig, path: fieldPath(path, "typedPerFilterConfig") },
    ...parent.overrides,
  ];
  const inner: RouteParent = {
    ...parent,
    virtualHost: message,
    virtualClusterOf: compileVirtualClusters(message.virtualClusters, fieldPath(path, "virtualClusters")),
    mirrors:
      (message.requestMirrorPolicies ?? []).length === 0
        ? parent.mirrors
        : compileMirrors(message.requestMirrorPolicies, fieldPath(path, "requestMirrorPolicies")),
    edits: [compileEdits(message, path), ...parent.edits],
    rateLimits: compileRateLimits(message.rateLimits, fieldPath(path, "rateLimits")),
    overrides,
  };
  const routes = (message.routes ?? []).map((route, i) => compileRoute(route, i, inner, `${path}.routes[${i}]`));
  return new CompiledVirtualHost(message, routes, tlsRequirement(message, inner, parent.settings));
}

function tlsRequirement(
  { requireTls = "NONE" }: VirtualHost,
  parent: RouteParent,
  settings: HttpSettings,
): TlsRequirement | undefined {
  if (requireTls === "NONE") return undefined;
  const target: RouteTarget = {
    route: undefined,
    clusterName: undefined,
    filters: parent.filters.withOverrides(parent.overrides, false),
    responseHeaders: [],
    end: httpsRedirect(undefined),
  };
  const mayBeInternal = requireTls === "EXTERNAL_ONLY" && !settings.useRemoteAddress;
  return {
    target,
    missing: (request, peer) =>
      settings.forwardedProtoOf(request, peer) !== "https" &&
      !(mayBeInternal && request.header("x-envoy-internal") === "true"),
  };
}

/** The name of the first that matches; `other` when none does. */
function compileVirtualClusters(
  clusters: readonly VirtualCluster[] | undefined,
  path: string,
): CompiledRoute["virtualClusterOf"] {
  if (clusters === undefined || clusters.length === 0) return undefined;
  const compiled = clusters.map(({ name = "", headers }, i) => {
    const checks: readonly Check[] = compileHeaderMatchers(headers, `${path}[${i}].headers`);
    return { name, test: allOf(checks) };
  });
  return (request, peer) => compiled.find(({ test }) => test === undefined || test(request, peer))?.name ?? "other";
}

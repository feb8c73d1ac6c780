/**
 * The routes of one host and port: the rules of its VirtualService in order, or all calls to the service itself.
 *
 * Source: Istio. Each match of a rule is a route; rules behind one that matches everything are left out; a request that
 * no rule matches gets 404. A call has no time limit unless the rule gives one (Envoy's own default is 15 s); a gRPC call has what its
 * `grpc-timeout` asks for, up to the rule's.
 *
 * @module
 */
import { policySessions } from "./gateway-api/backend-traffic.ts";
import { backendRetries } from "./backend-policy.ts";
import { unreachable } from "../base/unreachable.ts";
import type { Mesh } from "../model/mesh.ts";
import type { Service } from "../model/service.ts";
import type { HttpMatch, HttpRule, VirtualService } from "../model/virtual-service.ts";
import type { Route } from "../xds/proto/route.ts";
import { isFrom } from "./caller.ts";
import { corsConfig } from "./cors.ts";
import { faultConfig } from "./fault.ts";
import { routeHashPolicy } from "./hash-policy.ts";
import { headerEdits } from "./header-edits.ts";
import { directResponse, redirect } from "./redirect.ts";
import { retryPolicy } from "./retry-policy.ts";
import { routeAction } from "./route-action.ts";
import { everything, matchesEverything, routeMatch } from "./route-match.ts";
import { outboundCluster, type Scope } from "./scope.ts";
import { sourceMetadata } from "./source.ts";

export interface RouteContext {
  readonly scope: Scope;
  /** The port that was called; undefined where it can be any. */
  readonly port: number | undefined;
  /** Who serves the routes: a Gateway as `namespace/name`, or `mesh`. */
  readonly gateway: string;
  /** Its clients speak TLS, which ends here. */
  readonly isTls: boolean;
  readonly mesh: Mesh;
}

export function ruleRoutes(virtualService: VirtualService, context: RouteContext): readonly Route[] {
  const routes: Route[] = [];
  for (const rule of virtualService.http) {
    for (const match of rule.matches.length === 0 ? [undefined] : rule.matches) {
      if (match !== undefined && !isFor(match, context)) continue;
      const route = ruleRoute(virtualService, rule, match, context);
      routes.push(route);
      if (matchesEverything(route.match ?? {})) return routes;
    }
  }
  return routes;
}

/** Source: Istio: whose calls a match is for counts where it names no gateways. */
export const isFor = (
  match: Pick<HttpMatch, "port" | "gateways" | "source">,
  { port, gateway, scope }: Pick<RouteContext, "port" | "gateway" | "scope">,
): boolean =>
  (match.port === undefined || match.port === port) &&
  (match.gateways?.includes(gateway) ?? isFrom(match.source, scope));

function ruleRoute(
  virtualService: VirtualService,
  rule: HttpRule,
  match: HttpMatch | undefined,
  context: RouteContext,
): Route {
  const common: Route = {
    name: routeName(rule, match),
    match: match === undefined ? everything : routeMatch(match),
    statPrefix: match?.statPrefix,
    metadata: sourceMetadata(
      rule.delegate ?? virtualService.origin,
      match?.place ?? rule.place,
      rule.name ?? rule.field,
    ),
    typedPerFilterConfig: filterConfigs(rule, context.mesh),
  };
  const { action } = rule;
  switch (action.t) {
    case "redirect":
      return { ...common, redirect: redirect(action, context), ...headerEdits(rule.headers) };
    case "directResponse":
      return { ...common, directResponse: directResponse(action), ...headerEdits(rule.headers) };
    case "route":
      return { ...common, ...routeAction(rule, action, context) };
    default:
      return unreachable(action);
  }
}

function filterConfigs({ action, cors, fault }: HttpRule, mesh: Mesh): Route["typedPerFilterConfig"] {
  const hosts = action.t === "route" ? action.destinations.map(({ host }) => host) : [];
  const { typedPerFilterConfig: sessions } = policySessions(mesh, hosts);
  if (fault === undefined && cors === undefined && sessions === undefined) return undefined;
  return { ...(fault && faultConfig(fault)), ...(cors && corsConfig(cors)), ...sessions };
}

/** `rule.match`, or the rule's alone; `.match` where the rule has none. As Istio. */
function routeName(rule: HttpRule, match: HttpMatch | undefined): string | undefined {
  if (match?.name !== undefined && match.name !== "") return `${rule.name ?? ""}.${match.name}`;
  return rule.name === "" ? undefined : rule.name;
}

/** A service that no VirtualService speaks of. */
export function defaultRoute(mesh: Mesh, service: Service, port: number, scope: Scope): Route {
  const hashPolicy = routeHashPolicy(mesh, scope, [{ host: service.hostname, port }]);
  return {
    name: "default",
    match: everything,
    route: {
      cluster: outboundCluster(scope, { number: port }, undefined, service.hostname),
      timeout: 0,
      maxGrpcTimeout: 0,
      retryPolicy: retryPolicy(
        mesh.settings.defaultHttpRetryPolicy,
        hashPolicy !== undefined,
        backendRetries(mesh, scope.namespace, [service.hostname]),
      ),
      hashPolicy,
    },
    ...policySessions(mesh, [service.hostname]),
  };
}

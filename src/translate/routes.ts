/**
 * The routes of one host and port: the rules of its VirtualService in order, or all calls to the service itself.
 *
 * Source: Istio. Each match of a rule is a route; rules behind one that matches everything are left out; a request that
 * no rule matches gets 404. A call has no time limit unless the rule gives one (Envoy's own default is 15 s).
 *
 * @module
 */
import type { Service } from "../model/service.ts";
import type { HttpMatch, HttpRule, RedirectAction, VirtualService } from "../model/virtual-service.ts";
import type { Route } from "../xds/proto/route.ts";
import type { RedirectAction as EnvoyRedirect, RedirectResponseCode } from "../xds/proto/route-action.ts";
import { faultConfig } from "./fault.ts";
import { headerEdits } from "./header-edits.ts";
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
  readonly servicesByHost: ReadonlyMap<string, Service>;
}

export function ruleRoutes(virtualService: VirtualService, context: RouteContext): readonly Route[] {
  const routes: Route[] = [];
  for (const [index, rule] of virtualService.http.entries()) {
    for (const match of rule.matches.length === 0 ? [undefined] : rule.matches) {
      if (match !== undefined && !isFor(match, context)) continue;
      const route = ruleRoute(virtualService, rule, index, match, context);
      routes.push(route);
      if (matchesEverything(route.match ?? {})) return routes;
    }
  }
  return routes;
}

const isFor = (match: Pick<HttpMatch, "port" | "gateways">, { port, gateway }: RouteContext): boolean =>
  (match.port === undefined || match.port === port) && (match.gateways?.includes(gateway) ?? true);

function ruleRoute(
  virtualService: VirtualService,
  rule: HttpRule,
  index: number,
  match: HttpMatch | undefined,
  context: RouteContext,
): Route {
  const common: Route = {
    name: routeName(rule, match),
    match: match === undefined ? everything : routeMatch(match),
    metadata: sourceMetadata(virtualService.origin, rule.place, rule.name ?? `http[${index}]`),
    typedPerFilterConfig: rule.fault && faultConfig(rule.fault),
  };
  if (rule.action.t === "redirect") return { ...common, redirect: redirect(rule.action), ...headerEdits(rule.headers) };
  return { ...common, ...routeAction(rule, rule.action, context) };
}

/** `rule.match`, or what of the two has a name. */
function routeName(rule: HttpRule, match: HttpMatch | undefined): string | undefined {
  const names = [rule.name, match?.name].filter((name) => name !== undefined && name !== "");
  return names.length === 0 ? undefined : names.join(".");
}

/** A service that no VirtualService speaks of. */
export function defaultRoute(service: Service, port: number, scope: Scope): Route {
  return {
    name: "default",
    match: everything,
    route: {
      cluster: outboundCluster(scope, { number: port }, undefined, service.hostname),
      timeout: 0,
      retryPolicy: retryPolicy(undefined),
    },
  };
}

const REDIRECT_CODES: Readonly<Record<RedirectAction["code"], RedirectResponseCode>> = {
  301: "MOVED_PERMANENTLY",
  302: "FOUND",
  303: "SEE_OTHER",
  307: "TEMPORARY_REDIRECT",
  308: "PERMANENT_REDIRECT",
};

const redirect = (r: RedirectAction): EnvoyRedirect => ({
  pathRedirect: r.uri,
  hostRedirect: r.authority,
  schemeRedirect: r.scheme,
  portRedirect: r.port,
  responseCode: REDIRECT_CODES[r.code],
});

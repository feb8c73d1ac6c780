/**
 * The route configuration of a loopback listener: everything that comes in is for one port of one service.
 *
 * The host is the loopback address, as the application dialed it, so the service's own name is put in its place: the
 * destination and its policies see whom the call was for. Another name that the application gives stays, and rules can look at it.
 *
 * @module
 */
import type { Mesh } from "../model/mesh.ts";
import type { Service } from "../model/service.ts";
import type { Route, RouteConfiguration, VirtualHost } from "../xds/proto/route.ts";
import { serviceRoutes } from "./outbound-routes.ts";
import { MAX_DIRECT_RESPONSE_BYTES } from "./redirect.ts";
import type { Scope } from "./scope.ts";

const HTTP_PORT = 80;
/** Names of the loopback address that applications dial. */
const LOOPBACK_DOMAINS: readonly string[] = ["127.0.0.1", "127.0.0.1:*", "localhost", "localhost:*"];

/** As Istio names the routes of a listener for one service. */
export const serviceRoutesName = (host: string, port: number, scope: Scope): string =>
  `${host}:${port}${scope.outboundSuffix}`;

export function serviceRouteConfiguration(
  mesh: Mesh,
  service: Service,
  port: number,
  scope: Scope,
): RouteConfiguration {
  const routes = serviceRoutes(mesh, service, port, scope);
  const authority = port === HTTP_PORT ? service.hostname : `${service.hostname}:${port}`;
  const name = `${service.hostname}:${port}`;
  return {
    name: serviceRoutesName(service.hostname, port, scope),
    virtualHosts: [
      virtualHost(name, ["*"], routes),
      virtualHost(
        `${name}|loopback`,
        LOOPBACK_DOMAINS,
        routes.map((route) => named(route, authority)),
      ),
    ],
    validateClusters: false,
    maxDirectResponseBodySizeBytes: MAX_DIRECT_RESPONSE_BYTES,
  };
}

const virtualHost = (name: string, domains: readonly string[], routes: readonly Route[]): VirtualHost => ({
  name,
  domains,
  routes,
  includeRequestAttemptCount: true,
});

/** A rule's own rewrite wins. */
function named(route: Route, authority: string): Route {
  if (route.route === undefined || route.route.hostRewriteLiteral !== undefined) return route;
  return { ...route, route: { ...route.route, hostRewriteLiteral: authority } };
}

/**
 * CONNECT at the forward proxy: how an application that is told `https_proxy` reaches what speaks TLS, or any bytes. They go where those of a
 * connection to a loopback port would, for hosts with a wildcard too.
 *
 * @module
 */
import type { Mesh } from "../model/mesh.ts";
import type { RouteAction } from "../xds/proto/route-action.ts";
import type { Route, VirtualHost } from "../xds/proto/route.ts";
import { attachedRoutes, CONNECTIONS } from "./gateway-api/service-parents.ts";
import { type CalledService, clustersFor } from "./connections.ts";
import type { Scope } from "./scope.ts";

/** Ends the name of a virtual host that has nothing but CONNECT. */
export const CONNECT_ONLY = "|connect";

const action: RouteAction = {
  upgradeConfigs: [{ upgradeType: "CONNECT", connectConfig: {} }],
  timeout: 0,
};

/** To one cluster, whatever service it is of. */
export const connectTo = (name: string, cluster: string): Route => ({
  name,
  match: { connectMatcher: {} },
  route: { ...action, cluster },
});

/** Undefined where routes of the Gateway API say where connections go: those know loopback ports alone. */
export function connectRoute(mesh: Mesh, scope: Scope, called: CalledService): Route | undefined {
  const { port, service } = called;
  if (attachedRoutes(mesh, service, port.number, scope, CONNECTIONS).length > 0) return undefined;
  const clusters = clustersFor({ mesh, scope }, called);
  const [only] = clusters;
  if (only === undefined) return { name: "connect", match: { connectMatcher: {} }, directResponse: { status: 502 } };
  if (clusters.length === 1) return connectTo("connect", only.name);
  return { name: "connect", match: { connectMatcher: {} }, route: { ...action, weightedClusters: { clusters } } };
}

/** Of a port that is not looked into. Other requests are for nobody, as if there were no such host. */
export function connectHost(
  mesh: Mesh,
  scope: Scope,
  called: CalledService,
  names: readonly string[],
  others: Route,
): VirtualHost | undefined {
  const route = connectRoute(mesh, scope, called);
  if (route === undefined) return undefined;
  const { port, service } = called;
  return {
    name: `${service.hostname}:${port.number}${CONNECT_ONLY}`,
    domains: names.map((name) => `${name}:${port.number}`),
    routes: [route, others],
    includeRequestAttemptCount: true,
  };
}

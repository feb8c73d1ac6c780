/**
 * Routes whose parent is a Service, as callers of one namespace see them.
 *
 * They stand before a VirtualService of the same host: what names a service and a port is closer than what names a host.
 *
 * @module
 */
import type { AttachedRoute, ResolvedRoute, ServiceRoutes } from "../../model/gateway-api/attachment/attachment.ts";
import type { Mesh } from "../../model/mesh.ts";
import type { Service } from "../../model/service.ts";
import type { Route } from "../../xds/proto/route.ts";
import { lookUp } from "../reads.ts";
import type { Scope } from "../scope.ts";
import { attachedTo } from "./attached.ts";
import { type ConnectionRoute, connectionRoute, type ConnectionsInput } from "./connections.ts";
import { requestRoutes } from "./request-routes.ts";

/** Kinds of routes that are for the same calls. */
type Kinds = readonly ResolvedRoute["t"][];
export const REQUESTS: Kinds = ["HTTPRoute", "GRPCRoute"];
export const CONNECTIONS: Kinds = ["TLSRoute", "TCPRoute"];

/** Undefined where none is attached: the port is called as it would be without the Gateway API. */
export function attachedRequestRoutes(
  mesh: Mesh,
  service: Service,
  port: number,
  scope: Scope,
): readonly Route[] | undefined {
  const attached = attachedRoutes(mesh, service, port, scope, REQUESTS);
  if (attached.length === 0) return undefined;
  return requestRoutes(attached, "*", { mesh, scope, port, isTls: false, httpsPort: undefined });
}

/**
 * Of connections whose bytes nobody looks into: TLSRoutes by the name that the client asks for, then the oldest TCPRoute for the rest.
 * Undefined where none is attached; a connection that none of them is for is closed.
 */
export function attachedConnections(
  input: ConnectionsInput,
  service: Service,
  port: number,
): readonly ConnectionRoute[] | undefined {
  const attached = attachedRoutes(input.mesh, service, port, input.scope, CONNECTIONS);
  const taken = new Set<string>();
  const byName = attached.flatMap((it) => {
    if (it.route.t !== "TLSRoute") return [];
    const sniHosts = it.route.document.hostnames.filter((host) => !taken.has(host));
    for (const host of sniHosts) taken.add(host);
    const route = sniHosts.length === 0 ? undefined : connectionRoute(input, it, sniHosts);
    return route ?? [];
  });
  const rest = attached.find(({ route }) => route.t === "TCPRoute");
  const route = rest && connectionRoute(input, rest, []);
  const found = route === undefined ? byName : [...byName, route];
  return found.length === 0 ? undefined : found;
}

/** In the order of precedence of their documents. A consumer's stand in for the producer's, where they are for the same calls. */
export const attachedRoutes = (
  mesh: Mesh,
  service: Service,
  port: number,
  scope: Scope,
  kinds: Kinds,
): readonly AttachedRoute[] => lookUp(mesh, routesAt, service.hostname, port, scope.namespace, kinds);

function routesAt(mesh: Mesh, host: string, port: number, namespace: string, kinds: Kinds): readonly AttachedRoute[] {
  if (mesh.gatewayApi.routes.length === 0) return [];
  const found = servicesOf(mesh)
    .get(host)
    ?.find((at) => at.port.number === port);
  return found === undefined ? [] : routesFor(found, namespace, kinds);
}

/** For callers of `namespace`. */
export function routesFor(
  { consumers, producers }: ServiceRoutes,
  namespace: string,
  kinds: Kinds,
): readonly AttachedRoute[] {
  const of = (all: readonly AttachedRoute[]) => all.filter(({ route }) => kinds.includes(route.t));
  const own = of(consumers.get(namespace) ?? []);
  return own.length > 0 ? own : of(producers);
}

const SERVICES = new WeakMap<readonly ServiceRoutes[], ReadonlyMap<string, readonly ServiceRoutes[]>>();

function servicesOf(mesh: Mesh): ReadonlyMap<string, readonly ServiceRoutes[]> {
  const { services } = attachedTo(mesh);
  const known = SERVICES.get(services);
  if (known !== undefined) return known;
  const byHost = new Map<string, ServiceRoutes[]>();
  for (const at of services) byHost.set(at.service.hostname, [...(byHost.get(at.service.hostname) ?? []), at]);
  SERVICES.set(services, byHost);
  return byHost;
}

/**
 * The route configurations of a gateway's HTTP servers.
 *
 * Source: Istio. A virtual host for each host that a server and a VirtualService bound to its Gateway have in common; routes of several
 * VirtualServices of one host stand together, those that take everything last. A host that nobody routes gets 404.
 *
 * @module
 */
import { gatewayName } from "../../model/gateway.ts";
import type { Mesh } from "../../model/mesh.ts";
import type { Route, RouteConfiguration, VirtualHost } from "../../xds/proto/route.ts";
import { virtualServicesAt } from "../mesh-index.ts";
import { MAX_DIRECT_RESPONSE_BYTES } from "../redirect.ts";
import { everything, matchesEverything } from "../route-match.ts";
import { ruleRoutes } from "../routes.ts";
import type { Scope } from "../scope.ts";
import { listenerHosts } from "../gateway-api/virtual-hosts.ts";
import { commonHosts, hostsFor } from "./hosts.ts";
import { type GatewayPort, isHttpServer, routeName, type ServedServer } from "./ports.ts";

export interface GatewayRoutesInput {
  readonly mesh: Mesh;
  readonly scope: Scope;
  readonly port: GatewayPort;
  /** Where HTTPS answers instead of 443, for redirects; undefined where it is 443 itself. */
  readonly httpsPort: number | undefined;
}

interface HostRoutes {
  readonly routes: Route[];
  readonly port: number;
  redirects: boolean;
}

export function gatewayRoutes(input: GatewayRoutesInput): readonly RouteConfiguration[] {
  const byName = new Map<string, ServedServer[]>();
  for (const served of input.port.servers.filter(({ server }) => isHttpServer(server))) {
    const name = routeName(input.port, served);
    byName.set(name, [...(byName.get(name) ?? []), served]);
  }
  return [...byName].map(([name, servers]) => routeConfiguration(name, servers, input));
}

function routeConfiguration(
  name: string,
  servers: readonly ServedServer[],
  input: GatewayRoutesInput,
): RouteConfiguration {
  const hosts = new Map<string, HostRoutes>();
  for (const served of servers) if (served.listener === undefined) addServer(hosts, served, input);
  const own = [...hosts].map(([host, found]) => virtualHost(host, found, input.httpsPort));
  const virtualHosts = [...own, ...attachedHosts(servers, input).filter(({ domains: [d = ""] = [] }) => !hosts.has(d))];
  const [first] = servers;
  return {
    name,
    virtualHosts: virtualHosts.length > 0 ? virtualHosts : [blackhole(first?.server.port.number ?? 0)],
    // Clients name the port they dial, which need not be the one that is written.
    ignorePortInHostMatching: true,
    validateClusters: false,
    maxDirectResponseBodySizeBytes: MAX_DIRECT_RESPONSE_BYTES,
  };
}

/** Of servers that are listeners of the Gateway API. */
function attachedHosts(
  servers: readonly ServedServer[],
  { mesh, scope, port, httpsPort }: GatewayRoutesInput,
): readonly VirtualHost[] {
  const listeners = servers.flatMap(({ listener }) => listener ?? []);
  if (listeners.length === 0) return [];
  const neighbours = port.servers
    .filter(({ server }) => isHttpServer(server))
    .flatMap(({ listener }) => listener ?? []);
  return listenerHosts({ mesh, scope, listeners, neighbours, isTls: port.kind === "tls", httpsPort });
}

function addServer(hosts: Map<string, HostRoutes>, { gateway, server }: ServedServer, input: GatewayRoutesInput): void {
  const { mesh, scope } = input;
  const name = gatewayName(gateway);
  const port = server.port.number;
  const redirects = server.tls?.httpsRedirect === true;
  const context = {
    scope,
    port,
    gateway: name,
    isTls: server.tls !== undefined && !redirects,
    mesh,
  };
  const at = (host: string): HostRoutes => {
    const found = hosts.get(host) ?? { routes: [], port, redirects };
    hosts.set(host, found);
    found.redirects ||= redirects;
    return found;
  };
  for (const virtualService of virtualServicesAt(mesh, name)) {
    const shared = commonHosts(hostsFor(server.hosts, virtualService.origin.namespace), virtualService.hosts);
    const routes = ruleRoutes(virtualService, context);
    if (routes.length > 0) for (const host of shared) at(host).routes.push(...routes);
  }
  if (redirects) for (const { host } of server.hosts) at(host);
}

function virtualHost(
  host: string,
  { routes, port, redirects }: HostRoutes,
  httpsPort: number | undefined,
): VirtualHost {
  const common = { name: `${host}:${port}`, domains: [host], includeRequestAttemptCount: true };
  const last = (route: Route): boolean => matchesEverything(route.match ?? {});
  const ordered = [...routes.filter((route) => !last(route)), ...routes.filter(last)];
  if (!redirects) return { ...common, routes: ordered };
  if (httpsPort === undefined) return { ...common, routes: ordered, requireTls: "ALL" };
  const elsewhere: Route = {
    name: "https",
    match: everything,
    redirect: { httpsRedirect: true, portRedirect: httpsPort },
  };
  return { ...common, routes: [elsewhere] };
}

/** Every request gets 404. */
const blackhole = (port: number): VirtualHost => ({ name: `blackhole:${port}`, domains: ["*"], routes: [] });

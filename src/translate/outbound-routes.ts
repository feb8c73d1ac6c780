/**
 * The route configuration of a workload's outbound listener, a forward proxy.
 *
 * One virtual host for each service port that may speak HTTP, then the hosts that only VirtualServices name, then all others
 * (`outbound-policy.ts`).
 *
 * It depends on the mesh alone, not on what runs: endpoints come and go without a change here.
 *
 * @module
 */
import { MESH_GATEWAY } from "../model/gateway.ts";
import type { Mesh } from "../model/mesh.ts";
import type { Service } from "../model/service.ts";
import type { VirtualService } from "../model/virtual-service.ts";
import type { Route, RouteConfiguration, VirtualHost } from "../xds/proto/route.ts";
import { attachedRequestRoutes } from "./gateway-api/service-parents.ts";
import { domainsAt, domainsAtAnyPort, namesOf } from "./domains.ts";
import { indexOf, isWildcard, mayBeTcp, maySpeakHttp, virtualServicesFor } from "./mesh-index.ts";
import { otherHosts, refused } from "./outbound-policy.ts";
import { Parts } from "./parts.ts";
import { namedServices } from "./visible-mesh.ts";
import { MAX_DIRECT_RESPONSE_BYTES } from "./redirect.ts";
import { defaultRoute, type RouteContext, ruleRoutes } from "./routes.ts";
import { everything } from "./route-match.ts";
import type { Scope } from "./scope.ts";
import { connectHost, connectRoute } from "./tunnels.ts";

const HTTP_PORT = 80;

export const routeConfigurationName = (scope: Scope): string => `http_proxy${scope.outboundSuffix}`;

/** @param parts What is kept of former times: the virtual hosts of each service, and of each host that only rules name. */
export function outboundRoutes(mesh: Mesh, scope: Scope, parts = new Parts()): RouteConfiguration {
  const caller = JSON.stringify({ ...scope, sidecar: undefined, locality: undefined });
  const named = namedServices(mesh);
  const group = `hosts of services ${caller}`;
  const services = named.flatMap((service) =>
    parts.of(group, `${service.namespace} ${service.hostname}`, mesh, [service], (seen) =>
      serviceHosts(seen, service, scope),
    ),
  );
  const hosts = [...services, ...ruleHosts(mesh, scope, caller, new Set(named.map(({ hostname }) => hostname)), parts)];
  const others = otherHosts(mesh, scope);
  return parts.of("routes", caller, mesh, [...hosts, JSON.stringify(others)], () => ({
    name: routeConfigurationName(scope),
    virtualHosts: withoutDoubles([...hosts, others]),
    validateClusters: false,
    maxDirectResponseBodySizeBytes: MAX_DIRECT_RESPONSE_BYTES,
  }));
}

function serviceHosts(mesh: Mesh, service: Service, scope: Scope): readonly VirtualHost[] {
  const names = [...namesOf(service.hostname, scope, mesh.settings.clusterDomain), ...addressesOf(service)];
  const others = refused("block_all", everything);
  return service.ports.flatMap((port) => {
    const called = { service, port };
    if (!maySpeakHttp(port)) return connectHost(mesh, scope, called, names, others) ?? [];
    const connect = mayBeTcp(port.protocol) ? connectRoute(mesh, scope, called) : undefined;
    const routes = [...(connect === undefined ? [] : [connect]), ...serviceRoutes(mesh, service, port.number, scope)];
    return virtualHost(`${service.hostname}:${port.number}`, domainsAt(names, port.number), routes);
  });
}

/** Virtual addresses as they stand in a request; ranges name no host. */
const addressesOf = ({ addresses }: Service): readonly string[] =>
  addresses.filter((it) => !it.includes("/")).map((it) => (it.includes(":") ? `[${it}]` : it));

/** What becomes of calls to one port of a service. Rules of which none is for them are as none at all, as in Istio. */
export function serviceRoutes(mesh: Mesh, service: Service, port: number, scope: Scope): readonly Route[] {
  const attached = attachedRequestRoutes(mesh, service, port, scope);
  if (attached !== undefined) return attached;
  const context: RouteContext = { scope, port, gateway: MESH_GATEWAY, isTls: false, mesh };
  const routes = firstRoutes(virtualServicesFor(mesh, service.hostname), context);
  return routes.length === 0 ? [defaultRoute(mesh, service, port, scope)] : routes;
}

/** Of the first that has any for the caller and port: one that has none leaves the host to the next, as in Istio. */
function firstRoutes(rules: readonly VirtualService[], context: RouteContext): readonly Route[] {
  for (const virtualService of rules) {
    const routes = ruleRoutes(virtualService, context);
    if (routes.length > 0) return routes;
  }
  return [];
}

/** Hosts that are no services. */
function ruleHosts(
  mesh: Mesh,
  scope: Scope,
  caller: string,
  named: ReadonlySet<string>,
  parts: Parts,
): readonly VirtualHost[] {
  const { httpPorts, virtualServicesByHost } = indexOf(mesh);
  const group = `hosts of rules ${caller}`;
  return [...virtualServicesByHost]
    .filter(([host]) => !named.has(host))
    .flatMap(([host, rules]) => {
      const ports = portsOf(rules, httpPorts);
      return parts.of(group, host, mesh, [...rules, ...ports], (seen) => ruleHost(seen, host, rules, ports, scope));
    });
}

function ruleHost(
  mesh: Mesh,
  host: string,
  rules: readonly VirtualService[],
  ports: readonly number[],
  scope: Scope,
): readonly VirtualHost[] {
  const at = (port: number | undefined): RouteContext => ({
    scope,
    port,
    gateway: MESH_GATEWAY,
    isTls: false,
    mesh,
  });
  const names = isWildcard(host) ? [host] : namesOf(host, scope, mesh.settings.clusterDomain);
  const byPort = ports.map((port) =>
    virtualHost(`${host}:${port}`, domainsAt(names, port), firstRoutes(rules, at(port))),
  );
  // Envoy takes a star at one end only, so a wildcard host is known at the ports that the mesh knows.
  const atAny = virtualHost(`${host}:*`, domainsAtAnyPort(names), firstRoutes(rules, at(undefined)));
  const all = isWildcard(host) ? byPort : [...byPort, atAny];
  return all.some(({ routes = [] }) => routes.length > 0) ? all : [];
}

/** Ports at which the rules of a host that is no service may differ. */
function portsOf(rules: readonly VirtualService[], httpPorts: readonly number[]): readonly number[] {
  const matched = rules.flatMap(({ http }) => http.flatMap(({ matches }) => matches.flatMap(({ port }) => port ?? [])));
  return [...new Set([HTTP_PORT, ...matched, ...httpPorts])].sort((a, b) => a - b);
}

const virtualHost = (name: string, domains: readonly string[], routes: readonly Route[]): VirtualHost => ({
  name,
  domains,
  routes,
  includeRequestAttemptCount: true,
});

/** Envoy refuses a route configuration in which a domain stands twice; the first keeps it, as in Istio. */
function withoutDoubles(hosts: readonly VirtualHost[]): readonly VirtualHost[] {
  const seen = new Set<string>();
  return hosts.flatMap((host) => {
    const domains = (host.domains ?? []).filter((domain) => !seen.has(domain.toLowerCase()));
    for (const domain of domains) seen.add(domain.toLowerCase());
    if (domains.length === 0) return [];
    return domains.length === host.domains?.length ? [host] : [{ ...host, domains }];
  });
}

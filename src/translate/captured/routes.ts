/**
 * The route configurations of a captured workload: one for each port that is called by hosts, named by its number, and one for each service port that
 * is known by its address.
 *
 * Source: istiod. A request's port says nothing beside the one that was dialed, so it is not looked at. Hosts that no service has are known at port 80.
 *
 * @module
 */
import type { Mesh } from "../../model/mesh.ts";
import type { Route, RouteConfiguration, VirtualHost } from "../../xds/proto/route.ts";
import type { CalledService } from "../connections.ts";
import { serviceRoutes } from "../outbound-routes.ts";
import { blockAll, passedOn } from "../outbound-policy.ts";
import { MAX_DIRECT_RESPONSE_BYTES } from "../redirect.ts";
import { everything } from "../route-match.ts";
import type { Scope } from "../scope.ts";
import { namedService } from "../visible-mesh.ts";

const HTTP_PORT = 80;

const common = {
  validateClusters: false,
  maxDirectResponseBodySizeBytes: MAX_DIRECT_RESPONSE_BYTES,
  ignorePortInHostMatching: true,
};

/**
 * @param mesh As the workload sees it.
 * @param all Its routes to all ports, as a forward proxy has them.
 */
export function routesByPort(
  mesh: Mesh,
  all: RouteConfiguration,
  ports: Iterable<number>,
): readonly RouteConfiguration[] {
  const hosts = hostsByPort(mesh, all.virtualHosts ?? []);
  return [...ports].map((port) => ({
    ...common,
    name: String(port),
    virtualHosts: [...withoutDoubles(hosts.get(port) ?? []), others(mesh)],
  }));
}

/** Virtual hosts are named `host:port`. */
function hostsByPort(mesh: Mesh, all: readonly VirtualHost[]): ReadonlyMap<number, readonly VirtualHost[]> {
  const byPort = new Map<number, VirtualHost[]>();
  for (const host of all) {
    const [, name = "", digits] = /^(.*):(\d+)$/.exec(host.name ?? "") ?? [];
    const port = Number(digits);
    if (digits === undefined || (port !== HTTP_PORT && namedService(mesh, name) === undefined)) continue;
    byPort.set(port, [...(byPort.get(port) ?? []), atPort(mesh, host, name, port)]);
  }
  return byPort;
}

function atPort(mesh: Mesh, host: VirtualHost, name: string, port: number): VirtualHost {
  const end = `:${port}`;
  const bare = (host.domains ?? []).filter((it) => it.endsWith(end)).map((it) => it.slice(0, -end.length));
  const pods = namedService(mesh, name)?.isHeadless === true ? bare.map((it) => `*.${it}`) : [];
  return { ...host, domains: [...new Set([...bare, ...pods])], routes: (host.routes ?? []).filter(isRequest) };
}

/** What a forward proxy is asked for is nothing to a connection that is on its way already. */
const isRequest = ({ match }: Route): boolean => match?.connectMatcher === undefined;

/** Envoy refuses a route configuration in which a domain stands twice; the first keeps it. */
function withoutDoubles(hosts: readonly VirtualHost[]): readonly VirtualHost[] {
  const seen = new Set<string>();
  return hosts.flatMap((host) => {
    const domains = (host.domains ?? []).filter((it) => !seen.has(it.toLowerCase()));
    for (const domain of domains) seen.add(domain.toLowerCase());
    return domains.length === 0 ? [] : [{ ...host, domains }];
  });
}

/** Hosts that no service has: where the connection was meant to go, or nowhere. */
const others = ({ settings }: Mesh): VirtualHost =>
  settings.outboundTrafficPolicy === "ALLOW_ANY" ? allowAny : blockAll;

const allowAny: VirtualHost = {
  name: "allow_any",
  domains: ["*"],
  routes: [{ ...passedOn, name: "allow_any", match: everything }],
  includeRequestAttemptCount: true,
};

/** Whatever host is named, the address was the service's. */
export const serviceRoutesOf = (mesh: Mesh, { port, service }: CalledService, scope: Scope): RouteConfiguration => ({
  ...common,
  name: `${service.hostname}:${port.number}`,
  virtualHosts: [
    {
      name: `${service.hostname}:${port.number}`,
      domains: ["*"],
      routes: serviceRoutes(mesh, service, port.number, scope),
      includeRequestAttemptCount: true,
    },
  ],
});

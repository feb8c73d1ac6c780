/**
 * The virtual hosts of listeners that look into requests.
 *
 * Source: the Gateway API's listener isolation: of the listeners of a port the one with the most specific host serves a request,
 * and no other's routes do. Over TLS the name of the handshake has chosen the listener, so a request for a host that is another's
 * gets 421 (RFC 9110 section 15.5.20), by which a client that reuses a connection learns to open its own.
 *
 * @module
 */
import type { AttachedListener } from "../../model/gateway-api/attachment/attachment.ts";
import type { Mesh } from "../../model/mesh.ts";
import type { Route, VirtualHost } from "../../xds/proto/route.ts";
import { everything } from "../route-match.ts";
import type { Scope } from "../scope.ts";
import { closest } from "./hosts.ts";
import { requestRoutes } from "./request-routes.ts";

export interface ListenerHostsInput {
  readonly mesh: Mesh;
  readonly scope: Scope;
  /** Those that a request may have reached: one behind TLS, all of a plain port. */
  readonly listeners: readonly AttachedListener[];
  /** All of the port that look into requests. */
  readonly neighbours: readonly AttachedListener[];
  readonly isTls: boolean;
  readonly httpsPort: number | undefined;
}

export function listenerHosts(input: ListenerHostsInput): readonly VirtualHost[] {
  const hosts = oneOfEach(input.listeners.flatMap((listener) => hostsOf(listener, input)));
  return input.isTls ? [...hosts, ...misdirected(input)] : hosts;
}

/**
 * Listeners of several Gateways, and those whose ports a Service leads to one place, may have a host in common. Envoy refuses a
 * domain that stands twice: the first listener that routes it keeps it.
 */
function oneOfEach(hosts: readonly VirtualHost[]): readonly VirtualHost[] {
  const chosen = new Map<string, VirtualHost>();
  for (const host of hosts) {
    const [domain = ""] = host.domains ?? [];
    const { routes = [] } = chosen.get(domain) ?? {};
    if (routes.length === 0) chosen.set(domain, host);
  }
  return [...chosen.values()];
}

const hostOf = ({ listener }: AttachedListener): string => listener.hostname ?? "*";

function hostsOf(
  listener: AttachedListener,
  { mesh, scope, neighbours, isTls, httpsPort }: ListenerHostsInput,
): readonly VirtualHost[] {
  const { port } = listener.listener;
  const own = hostOf(listener);
  const all = neighbours.map(hostOf);
  const domains = [...new Set([...listener.routes.flatMap(({ hostnames }) => hostnames), own])];
  return domains
    .filter((domain) => closest(all, domain) === own)
    .map((domain) =>
      virtualHost(domain, port, requestRoutes(listener.routes, domain, { mesh, scope, port, isTls, httpsPort })),
    );
}

const MISDIRECTED_REQUEST = 421;

function misdirected({ listeners, neighbours }: ListenerHostsInput): readonly VirtualHost[] {
  const own = new Set(listeners.map(hostOf));
  const others = new Set(neighbours.map(hostOf).filter((host) => !own.has(host)));
  const [port = 0] = listeners.map(({ listener }) => listener.port);
  const elsewhere: Route = {
    name: "misdirected",
    match: everything,
    directResponse: { status: MISDIRECTED_REQUEST },
  };
  return [...others].map((host) => virtualHost(host, port, [elsewhere]));
}

const virtualHost = (domain: string, port: number, routes: readonly Route[]): VirtualHost => ({
  name: `${domain}:${port}`,
  domains: [domain],
  routes,
  includeRequestAttemptCount: true,
});

/**
 * Where opaque bytes go that a workload sends to a service port: by the `tcp` and `tls` rules of the VirtualServices of its host, else to the
 * service itself.
 *
 * Source: istiod. Rules of `tls` are for ports of HTTPS and TLS, those of `tcp` for the others. All VirtualServices that cover the host are asked, in order; the
 * first rule that fits takes all of TCP. Where any `tls` rule fits, names that none asks for have nowhere to go.
 *
 * Differs: nothing is captured, so `destinationSubnets` are compared with the addresses that the service's documents give it. `sourceSubnet` is
 * not looked at, as in Istio.
 *
 * @module
 */
import { parseIp } from "../base/ip-address.ts";
import { MESH_GATEWAY } from "../model/gateway.ts";
import type { TrafficPolicy } from "../model/destination-rule.ts";
import type { Mesh } from "../model/mesh.ts";
import type { Protocol, Service, ServicePort } from "../model/service.ts";
import type { ConnectionDestination, ConnectionMatch, VirtualService } from "../model/virtual-service.ts";
import { TcpProxy } from "../xds/proto/filter-tcp-proxy.ts";
import type { FilterChain, NetworkFilter } from "../xds/proto/listener.ts";
import { pack } from "../xds/types/any.ts";
import { destinationRuleFor, policyFor } from "./destination-policy.ts";
import { tcpHashPolicy } from "./hash-policy.ts";
import { accessLogs } from "./http-manager.ts";
import { covers, indexOf } from "./mesh-index.ts";
import type { TranslateOptions } from "./options.ts";
import { connectionCluster, hashDestination } from "./route-action.ts";
import { isFor } from "./routes.ts";
import { outboundTcpCluster, type Scope } from "./scope.ts";

export interface ConnectionsFrom {
  readonly mesh: Mesh;
  readonly scope: Scope;
  readonly options: TranslateOptions;
}

/** Where the rules are followed, and for which port. */
interface At {
  readonly gateway: string;
  readonly port: number;
}

export interface CalledService {
  readonly service: Service;
  readonly port: ServicePort;
}

/** The application speaks TLS itself. */
export const isTls = (protocol: Protocol): boolean => protocol === "https" || protocol === "tls";

/** Chains of a listener for one service port; those of names first. */
export function connectionChains(from: ConnectionsFrom, called: CalledService): readonly FilterChain[] {
  const named = isTls(called.port.protocol) ? namedChains(from, called) : [];
  return named.length > 0 ? named : [{ name: "tcp", filters: [connectionFilter(from, called)] }];
}

/** For connections of whatever name. */
export function connectionFilter(from: ConnectionsFrom, called: CalledService): NetworkFilter {
  const { service, port } = called;
  const rules = isTls(port.protocol) ? [] : virtualServicesOf(from.mesh, service).flatMap(({ tcp }) => tcp);
  const rule = rules.find(
    ({ matches }) => matches.length === 0 || matches.some((match) => isHere(match, from.scope, called)),
  );
  if (rule !== undefined) return proxyTo(from, { gateway: MESH_GATEWAY, port: port.number }, rule.destinations);
  const cluster = outboundTcpCluster(from.scope, port, undefined, service.hostname);
  return proxyOf(from, { statPrefix: cluster, cluster }, [{ host: service.hostname, port: port.number }]);
}

function namedChains(from: ConnectionsFrom, called: CalledService): readonly FilterChain[] {
  const at = { gateway: MESH_GATEWAY, port: called.port.number };
  // Envoy refuses a listener in which a name stands twice; the first keeps it.
  const taken = new Set<string>();
  return virtualServicesOf(from.mesh, called.service).flatMap(({ origin, tls }) =>
    tls.flatMap(({ matches, destinations }, i) =>
      matches.flatMap((match, j) => {
        if (!isHere(match, from.scope, called)) return [];
        const serverNames = match.sniHosts.filter((name) => !taken.has(name));
        for (const name of serverNames) taken.add(name);
        if (serverNames.length === 0) return [];
        const name = `${origin.name}.${origin.namespace}.tls[${i}].match[${j}]`;
        return [{ name, filterChainMatch: { serverNames }, filters: [proxyTo(from, at, destinations)] }];
      }),
    ),
  );
}

const virtualServicesOf = (mesh: Mesh, { hostname }: Service): readonly VirtualService[] =>
  mesh.virtualServices.filter(
    ({ gateways, hosts }) => gateways.includes(MESH_GATEWAY) && hosts.some((host) => covers(host, hostname)),
  );

const isHere = (match: ConnectionMatch, scope: Scope, { port, service }: CalledService): boolean =>
  isFor(match, { port: port.number, gateway: MESH_GATEWAY, scope }) &&
  (match.destinationSubnets.length === 0 ||
    match.destinationSubnets.some((range) => service.addresses.some((address) => contains(range, address))));

/** To the destinations of a rule, by their weights. */
export function proxyTo(from: ConnectionsFrom, at: At, destinations: readonly ConnectionDestination[]): NetworkFilter {
  const context = { ...from, ...at, isTls: false };
  const live = destinations.filter(({ weight }) => weight > 0);
  const clusters = live.map((to) => ({ name: connectionCluster(to, context), weight: to.weight }));
  const [only] = clusters;
  const where: TcpProxy =
    clusters.length === 1 && only !== undefined ? { cluster: only.name } : { weightedClusters: { clusters } };
  const hashed = live.map((to) => hashDestination(to, context));
  return proxyOf(from, { statPrefix: only?.name ?? "none", ...where }, hashed);
}

/** The first destination says how long a connection may be idle; one that is alone may be a proxy to another. As in Istio. */
function proxyOf(
  { mesh, scope, options }: ConnectionsFrom,
  where: TcpProxy,
  destinations: Parameters<typeof tcpHashPolicy>[2],
): NetworkFilter {
  const [first] = destinations;
  const service = first && indexOf(mesh).servicesByHost.get(first.host);
  const rule = service && destinationRuleFor(mesh, scope, service);
  const subset = rule?.subsets.find(({ name }) => name === first?.subset);
  const { connectionPool: pool, tunnel } = policyFor(rule, subset, first?.port ?? 0);
  const proxy: TcpProxy = {
    ...where,
    idleTimeout: pool?.tcpIdleTimeoutMs,
    maxDownstreamConnectionDuration: pool?.maxConnectionDurationMs,
    tunnelingConfig: destinations.length === 1 ? tunnelingConfig(tunnel) : undefined,
    hashPolicy: tcpHashPolicy(mesh, scope, destinations),
    accessLog: accessLogs(options),
  };
  return { name: "envoy.filters.network.tcp_proxy", typedConfig: pack(TcpProxy, proxy) };
}

function tunnelingConfig(tunnel: TrafficPolicy["tunnel"]): TcpProxy["tunnelingConfig"] {
  if (tunnel === undefined) return undefined;
  const { host, port } = tunnel;
  return { hostname: host.includes(":") ? `[${host}]:${port}` : `${host}:${port}` };
}

/** Whether all of `inner`, an address or a range, is in `range`. */
export function contains(range: string, inner: string): boolean {
  const [wide, wideBits] = parseRange(range);
  const [narrow, narrowBits] = parseRange(inner);
  if (wide === undefined || narrow === undefined || wide.length !== narrow.length || narrowBits < wideBits)
    return false;
  return wide.every((byte, i) => {
    const mask = 0xff00 >> Math.min(8, Math.max(0, wideBits - i * 8));
    return (byte & mask & 0xff) === ((narrow[i] ?? 0) & mask & 0xff);
  });
}

function parseRange(text: string): readonly [bytes: Uint8Array | undefined, bits: number] {
  const [address = "", bits] = text.split("/");
  const bytes = parseIp(address);
  return [bytes, bits === undefined ? (bytes?.length ?? 0) * 8 : Number(bits)];
}

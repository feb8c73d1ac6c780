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
import type {
  ConnectionDestination,
  ConnectionMatch,
  TcpRule,
  TlsMatch,
  TlsRule,
  VirtualService,
} from "../model/virtual-service.ts";
import { TcpProxy } from "../xds/proto/filter-tcp-proxy.ts";
import type { FilterChain, NetworkFilter } from "../xds/proto/listener.ts";
import { pack } from "../xds/types/any.ts";
import { type DestinationPolicy, destinationRuleFor, policyFor } from "./destination-policy.ts";
import { tcpHashPolicy } from "./hash-policy.ts";
import { accessLogs } from "./http-manager.ts";
import { covers, serviceOf } from "./mesh-index.ts";
import type { TranslateOptions } from "./options.ts";
import { lookUp } from "./reads.ts";
import { connectionCluster, hashDestination } from "./route-action.ts";
import { isFor } from "./routes.ts";
import { outboundTcpCluster, type Scope } from "./scope.ts";

interface ConnectionsFrom {
  readonly mesh: Mesh;
  readonly scope: Scope;
}

export interface FilterFrom extends ConnectionsFrom {
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
export function connectionChains(from: FilterFrom, called: CalledService): readonly FilterChain[] {
  const named = isTls(called.port.protocol) ? namedChains(from, called) : [];
  return named.length > 0 ? named : [{ name: "tcp", filters: [connectionFilter(from, called)] }];
}

/** For connections of whatever name. */
export function connectionFilter(from: FilterFrom, called: CalledService): NetworkFilter {
  const rule = isTls(called.port.protocol) ? undefined : tcpRuleOf(from, called);
  if (rule !== undefined) return proxyTo(from, { gateway: MESH_GATEWAY, port: called.port.number }, rule.destinations);
  return serviceFilter(from, called);
}

/** To the service itself, whatever rules there are. */
export function serviceFilter(from: FilterFrom, called: CalledService): NetworkFilter {
  const { service, port } = called;
  const cluster = serviceCluster(from, called);
  return proxyOf(from, { statPrefix: cluster, cluster }, [{ host: service.hostname, port: port.number }]);
}

/** The rule that takes a connection of whatever bytes. */
export const tcpRuleOf = (from: ConnectionsFrom, called: CalledService): TcpRule | undefined =>
  virtualServicesOf(from.mesh, called.service)
    .flatMap(({ tcp }) => tcp)
    .find(({ matches }) => matches.length === 0 || matches.some((match) => isHere(match, from.scope, called)));

const serviceCluster = ({ scope }: ConnectionsFrom, { port, service }: CalledService): string =>
  outboundTcpCluster(scope, port, undefined, service.hostname);

/**
 * The clusters of a connection that says by other means whom it is for: of TLS, by the host's own name. None where `tls` rules ask for other
 * names alone, and where a way through yet another proxy is wanted, which nobody would ask for.
 */
export function clustersFor(from: ConnectionsFrom, called: CalledService): readonly WeightedCluster[] {
  const rule = isTls(called.port.protocol) ? tlsRuleOf(from, called) : tcpRuleOf(from, called);
  if (rule === "none") return [];
  const at = { gateway: MESH_GATEWAY, port: called.port.number };
  const hashed: HashDestinations =
    rule === undefined
      ? [{ host: called.service.hostname, port: called.port.number }]
      : live(rule.destinations).map((to) => hashDestination(to, { ...from, ...at, isTls: false }));
  if (hashed.length === 1 && policyOf(from, hashed).tunnel !== undefined) return [];
  if (rule === undefined) return [{ name: serviceCluster(from, called), weight: 1 }];
  return weighted(from, at, rule.destinations);
}

function tlsRuleOf(from: ConnectionsFrom, called: CalledService): TlsRule | "none" | undefined {
  const here = virtualServicesOf(from.mesh, called.service)
    .flatMap(({ tls }) => tls)
    .filter(({ matches }) => matches.some((match) => isHere(match, from.scope, called)));
  if (here.length === 0) return undefined;
  const asks = (match: TlsMatch): boolean =>
    isHere(match, from.scope, called) && match.sniHosts.some((name) => covers(name, called.service.hostname));
  return here.find(({ matches }) => matches.some(asks)) ?? "none";
}

function namedChains(from: FilterFrom, called: CalledService): readonly FilterChain[] {
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

/** Those with rules of connections that cover the service's host, in the order in which they hold. */
export const virtualServicesOf = (mesh: Mesh, { hostname }: Service): readonly VirtualService[] =>
  lookUp(mesh, connectionRulesOf, hostname);

const connectionRulesOf = ({ virtualServices }: Mesh, hostname: string): readonly VirtualService[] =>
  withConnectionRules(virtualServices).filter(({ hosts }) => hosts.some((host) => covers(host, hostname)));

const WITH_RULES = new WeakMap<readonly VirtualService[], readonly VirtualService[]>();

/** Those of the mesh's own proxies: most have none, and every opaque port asks. */
function withConnectionRules(all: readonly VirtualService[]): readonly VirtualService[] {
  const known = WITH_RULES.get(all);
  if (known !== undefined) return known;
  const found = all.filter(({ gateways, tcp, tls }) => tcp.length + tls.length > 0 && gateways.includes(MESH_GATEWAY));
  WITH_RULES.set(all, found);
  return found;
}

const isHere = (match: ConnectionMatch, scope: Scope, { port, service }: CalledService): boolean =>
  isFor(match, { port: port.number, gateway: MESH_GATEWAY, scope }) && subnetsFit(match, service);

export const subnetsFit = (
  { destinationSubnets }: Pick<ConnectionMatch, "destinationSubnets">,
  { addresses }: Pick<Service, "addresses">,
): boolean =>
  destinationSubnets.length === 0 ||
  destinationSubnets.some((range) => addresses.some((address) => contains(range, address)));

/** To the destinations of a rule, by their weights. */
export function proxyTo(from: FilterFrom, at: At, destinations: readonly ConnectionDestination[]): NetworkFilter {
  const clusters = weighted(from, at, destinations);
  const [only] = clusters;
  const where: TcpProxy =
    clusters.length === 1 && only !== undefined ? { cluster: only.name } : { weightedClusters: { clusters } };
  const hashed = live(destinations).map((to) => hashDestination(to, { ...from, ...at, isTls: false }));
  return proxyOf(from, { statPrefix: only?.name ?? "none", ...where }, hashed);
}

interface WeightedCluster {
  readonly name: string;
  readonly weight: number;
}

const live = (destinations: readonly ConnectionDestination[]): readonly ConnectionDestination[] =>
  destinations.filter(({ weight }) => weight > 0);

const weighted = (
  from: ConnectionsFrom,
  at: At,
  destinations: readonly ConnectionDestination[],
): readonly WeightedCluster[] =>
  live(destinations).map((to) => ({
    name: connectionCluster(to, { ...from, ...at, isTls: false }),
    weight: to.weight,
  }));

/** The first destination says how long a connection may be idle; one that is alone may be a proxy to another. As in Istio. */
function proxyOf({ mesh, scope, options }: FilterFrom, where: TcpProxy, destinations: HashDestinations): NetworkFilter {
  const { connectionPool: pool, tunnel } = policyOf({ mesh, scope }, destinations);
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

type HashDestinations = Parameters<typeof tcpHashPolicy>[2];

/** Of the first destination. */
function policyOf({ mesh, scope }: ConnectionsFrom, [first]: HashDestinations): DestinationPolicy {
  const service = first && serviceOf(mesh, first.host);
  const rule = service && destinationRuleFor(mesh, scope, service);
  const subset = rule?.subsets.find(({ name }) => name === first?.subset);
  return policyFor(rule, subset, first?.port ?? 0);
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

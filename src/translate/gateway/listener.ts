/**
 * The listeners of a gateway: one for each port, with a filter chain for each server that ends or passes TLS.
 *
 * The name that a TLS client asks for chooses the chain, and with it the certificate: a host before a wildcard, a longer wildcard before a
 * shorter, and `*` for the rest. A name that nobody serves finds no chain, and the connection is closed.
 *
 * @module
 */
import type { Mesh } from "../../model/mesh.ts";
import type { Instance, SocketAddress } from "../../model/service.ts";
import { NetworkRbac } from "../../xds/proto/filter-network-rbac.ts";
import type { HttpFilter } from "../../xds/proto/http-connection-manager.ts";
import type { FilterChain, Listener, ListenerFilter, NetworkFilter } from "../../xds/proto/listener.ts";
import { ProxyProtocol, TlsInspector } from "../../xds/proto/listener-filters.ts";
import { pack } from "../../xds/types/any.ts";
import { type Authorization, authorization } from "../authorization.ts";
import { socketAddress } from "../endpoints.ts";
import { datagramFilter, WHOLE_DATAGRAMS } from "../gateway-api/datagrams.ts";
import { servicesBefore } from "../mesh-index.ts";
import type { TranslateOptions } from "../options.ts";
import { tcpRateLimits } from "../rate-limit.ts";
import type { Scope } from "../scope.ts";
import type { Source } from "../source.ts";
import { statefulSessions } from "../stateful-session.ts";
import { listenerMetadata } from "../workload-metadata.ts";
import { passages, tcpFilter, toNamedCluster } from "./connections.ts";
import { edgeManager, httpAdmission, topologyOf } from "./http.ts";
import { type GatewayPort, isHttpServer, routeName, type ServedServer } from "./ports.ts";
import { serverSocket } from "./tls.ts";

export interface GatewayListenerInput {
  readonly mesh: Mesh;
  readonly instance: Instance;
  readonly scope: Scope;
  readonly port: GatewayPort;
  /** Where it listens. */
  readonly address: SocketAddress;
  readonly options: TranslateOptions;
}

export interface GatewayListener {
  /** Undefined where no server has anything to serve. */
  readonly listener: Listener | undefined;
  readonly policySources: Readonly<Record<string, Source>>;
}

const HTTP_ALPN: readonly string[] = ["h2", "http/1.1"];

export function gatewayListener(input: GatewayListenerInput): GatewayListener {
  const { mesh, instance, port, address, options } = input;
  const { workload } = instance;
  if (port.kind === "udp") return { listener: datagramListener(input), policySources: {} };
  const at = { targetPort: port.targetPort, listenPort: address.port };
  const rules = (http: boolean): Authorization => authorization({ mesh, workload, http, at });
  const http = rules(true);
  const connections = [...networkRbac(rules(false).filters), ...tcpRateLimits(mesh, workload)];
  const chains = distinct(chainsOf(input, httpAdmission(mesh, workload, http.filters), connections));
  if (chains.length === 0) return { listener: undefined, policySources: {} };
  const proxied = topologyOf(mesh, workload).proxyProtocol === true;
  const filters = [...(proxied ? [proxyProtocol] : []), ...(port.kind === "tls" ? [tlsInspector] : [])];
  const [service] = servicesBefore(mesh, workload);
  const listener: Listener = {
    name: `${port.bind ?? "0.0.0.0"}_${port.targetPort}`,
    address: socketAddress(address),
    listenerFilters: filters.length === 0 ? undefined : filters,
    filterChains: chains,
    trafficDirection: "OUTBOUND",
    metadata: listenerMetadata(instance, options.clusterId, service),
  };
  return { listener, policySources: http.sources };
}

/** Undefined where no route is attached. */
function datagramListener(input: GatewayListenerInput): Listener | undefined {
  const { address, instance, options, port } = input;
  const [route] = port.servers[0]?.listener?.routes ?? [];
  const filter = route && datagramFilter(input, route);
  if (filter === undefined) return undefined;
  return {
    name: `${port.bind ?? "0.0.0.0"}_${port.targetPort}_udp`,
    address: { socketAddress: { address: address.address, portValue: address.port, protocol: "UDP" } },
    udpListenerConfig: { downstreamSocketConfig: WHOLE_DATAGRAMS },
    listenerFilters: [filter],
    trafficDirection: "OUTBOUND",
    metadata: listenerMetadata(instance, options.clusterId, undefined),
  };
}

/** @param http What requests have to pass. @param tcp What connections of opaque bytes have to pass. */
function chainsOf(
  input: GatewayListenerInput,
  http: readonly HttpFilter[],
  tcp: readonly NetworkFilter[],
): readonly FilterChain[] {
  const { port } = input;
  const [first] = port.servers;
  if (first === undefined) return [];
  // All plain servers of a port are one to a connection: hosts are told apart by requests.
  if (port.kind === "http") return [{ name: routeName(port, first), filters: [edge(input, first, http)] }];
  if (port.kind === "tcp") {
    const filter = tcpFilter(input, first);
    return filter === undefined ? [] : [{ name: `tcp.${port.targetPort}`, filters: [...tcp, filter] }];
  }
  return port.servers.flatMap((served) => tlsChains(input, served, http, tcp));
}

function tlsChains(
  input: GatewayListenerInput,
  served: ServedServer,
  http: readonly HttpFilter[],
  tcp: readonly NetworkFilter[],
): readonly FilterChain[] {
  const { tls, hosts } = served.server;
  const name = routeName(input.port, served);
  const isHttp = isHttpServer(served.server);
  const transportSocket =
    tls && serverSocket(tls, input.scope, input.mesh.settings.trustDomain, isHttp ? HTTP_ALPN : []);
  if (tls?.mode === "AUTO_PASSTHROUGH")
    return [{ name, filterChainMatch: named(hosts.map((h) => h.host)), filters: [...tcp, ...toNamedCluster(input)] }];
  if (transportSocket === undefined)
    return passages(input, served).map((passage) => ({
      name: passage.name,
      filterChainMatch: named(passage.sniHosts),
      filters: [...tcp, passage.filter],
    }));
  const filterChainMatch = named(hosts.map((h) => h.host));
  if (isHttp) return [{ name, filterChainMatch, transportSocket, filters: [edge(input, served, http)] }];
  if (served.listener !== undefined)
    return passages(input, served).map(({ name: passage, sniHosts, filter: to }) => ({
      name: passage,
      filterChainMatch: named(sniHosts),
      transportSocket,
      filters: [...tcp, to],
    }));
  const filter = tcpFilter(input, served);
  return filter === undefined ? [] : [{ name, filterChainMatch, transportSocket, filters: [...tcp, filter] }];
}

/** `*` takes what no other chain does, clients that name nothing too. */
const named = (hosts: readonly string[]): FilterChain["filterChainMatch"] =>
  hosts.includes("*") ? undefined : { serverNames: [...new Set(hosts)] };

/** Envoy refuses two chains for one name: the first keeps it. */
function distinct(chains: readonly FilterChain[]): readonly FilterChain[] {
  const taken = new Set<string>();
  return chains.flatMap((chain) => {
    const names = chain.filterChainMatch?.serverNames ?? ["*"];
    const free = names.filter((name) => !taken.has(name));
    for (const name of free) taken.add(name);
    if (free.length === 0) return [];
    return [free.length === names.length ? chain : { ...chain, filterChainMatch: { serverNames: free } }];
  });
}

const edge = (input: GatewayListenerInput, served: ServedServer, admission: readonly HttpFilter[]): NetworkFilter =>
  edgeManager(
    routeName(input.port, served),
    topologyOf(input.mesh, input.instance.workload),
    admission,
    statefulSessions(input.mesh),
    input.options,
  );

const networkRbac = (rules: Authorization["filters"]): readonly NetworkFilter[] =>
  rules.map((config) => ({
    name: "envoy.filters.network.rbac",
    typedConfig: pack(NetworkRbac, { ...config, statPrefix: "tcp." }),
  }));

const tlsInspector: ListenerFilter = {
  name: "envoy.filters.listener.tls_inspector",
  typedConfig: pack(TlsInspector, {}),
};

const proxyProtocol: ListenerFilter = {
  name: "envoy.filters.listener.proxy_protocol",
  typedConfig: pack(ProxyProtocol, {}),
};

/**
 * Listeners and their filter chains, compiled.
 *
 * Source: `envoy/config/listener/v3/listener.proto` and `listener_components.proto`, defaults as there.
 *
 * @module
 */
import { HttpConnectionManager } from "../../xds/proto/http-connection-manager.ts";
import { NetworkRbac } from "../../xds/proto/filter-network-rbac.ts";
import { TcpProxy } from "../../xds/proto/filter-tcp-proxy.ts";
import type { Metadata } from "../../xds/proto/core-base.ts";
import type { FilterChain, Listener, ListenerFilter, NetworkFilter } from "../../xds/proto/listener.ts";
import { TlsInspector } from "../../xds/proto/listener-filters.ts";
import { isAny } from "../../xds/types/any.ts";
import { CompileError, refuseOthers, unpackAt } from "../compile-error.ts";
import { compileDownstreamTls, type DownstreamTls } from "../tls.ts";
import { compileChainMatch, type ConnectionFacts } from "./chain-match.ts";

export interface CompiledListener {
  readonly name: string;
  readonly address: { readonly address: string; readonly port: number; readonly path?: string };
  readonly listenerFilters: {
    readonly tlsInspector: boolean;
    /** How long they may look; 0 for ever. */
    readonly timeoutMs: number;
    readonly continueOnTimeout: boolean;
  };
  readonly chains: readonly CompiledChain[];
  readonly defaultChain: CompiledChain | undefined;
  readonly statPrefix: string;
  readonly trafficDirection: "UNSPECIFIED" | "INBOUND" | "OUTBOUND";
  readonly metadata: Metadata | undefined;
  /** The chain for a connection; undefined when none fits. */
  select(facts: ConnectionFacts): CompiledChain | undefined;
}

export interface CompiledChain {
  readonly name: string;
  /** `filter_chains[0]`, for errors. */
  readonly path: string;
  readonly tls: DownstreamTls | undefined;
  /** Authorization of connections, in order. */
  readonly networkRbac: readonly NetworkRbac[];
  readonly terminal: ChainTerminal;
}

export type ChainTerminal =
  | { readonly t: "http"; readonly hcm: HttpConnectionManager; readonly path: string }
  | { readonly t: "tcp"; readonly proxy: TcpProxy; readonly path: string };

const LISTENER = new Set([
  "name",
  "address",
  "filterChains",
  "defaultFilterChain",
  "listenerFilters",
  "listenerFiltersTimeout",
  "continueOnListenerFiltersTimeout",
  "perConnectionBufferLimitBytes",
  "metadata",
  "trafficDirection",
  "statPrefix",
  "drainType",
  "bindToPort",
  "enableReusePort",
  "tcpBacklogSize",
]);
const CHAIN = new Set([
  "filterChainMatch",
  "filters",
  "metadata",
  "transportSocket",
  "name",
  "transportSocketConnectTimeout",
]);
const WEIGHTED_CLUSTER = new Set(["name", "weight"]);
const TCP_PROXY = new Set([
  "statPrefix",
  "cluster",
  "weightedClusters",
  "accessLog",
  "maxConnectAttempts",
  "idleTimeout",
]);
const DEFAULT_FILTER_TIMEOUT_MS = 15_000;

/** @throws {CompileError} Naming the field that is wrong or not supported. */
export function compileListener(listener: Listener): CompiledListener {
  refuseOthers(listener, "", LISTENER);
  if (listener.bindToPort === false)
    throw new CompileError("bind_to_port", "false is not supported yet: every listener accepts on its own address");
  const name = listener.name ?? "";
  const chains = (listener.filterChains ?? []).map((chain, i) => compileChain(chain, `filter_chains[${i}]`));
  const { defaultFilterChain } = listener;
  const defaultChain =
    defaultFilterChain === undefined ? undefined : compileChain(defaultFilterChain, "default_filter_chain");
  if (chains.length === 0 && defaultChain === undefined)
    throw new CompileError("filter_chains", "must hold a filter chain, found none");
  const match = compileChainMatch(
    chains.map((chain, i) => ({ chain, match: listener.filterChains?.[i]?.filterChainMatch, path: chain.path })),
  );
  return {
    name,
    address: addressOf(listener),
    listenerFilters: filtersOf(listener),
    chains,
    defaultChain,
    statPrefix: listener.statPrefix ?? "",
    trafficDirection: listener.trafficDirection ?? "UNSPECIFIED",
    metadata: listener.metadata,
    select: (facts) => match(facts) ?? defaultChain,
  };
}

function addressOf({ address }: Listener): CompiledListener["address"] {
  if (address?.pipe?.path !== undefined) return { address: "", port: 0, path: address.pipe.path };
  const socket = address?.socketAddress;
  if (socket?.protocol === "UDP")
    throw new CompileError("address.socket_address.protocol", "UDP is not supported yet; use TCP");
  if (socket?.portValue === undefined || socket.address === undefined)
    throw new CompileError("address", "must hold socket_address with address and port_value, or pipe");
  return { address: socket.address, port: socket.portValue };
}

function filtersOf(listener: Listener): CompiledListener["listenerFilters"] {
  for (const [i, filter] of (listener.listenerFilters ?? []).entries())
    checkListenerFilter(filter, `listener_filters[${i}]`);
  return {
    tlsInspector: (listener.listenerFilters ?? []).length > 0,
    timeoutMs: listener.listenerFiltersTimeout ?? DEFAULT_FILTER_TIMEOUT_MS,
    continueOnTimeout: listener.continueOnListenerFiltersTimeout ?? false,
  };
}

function checkListenerFilter({ name, typedConfig, filterDisabled }: ListenerFilter, path: string): void {
  if (filterDisabled !== undefined)
    throw new CompileError(`${path}.filter_disabled`, "is not supported yet; remove it");
  if (typedConfig !== undefined && isAny(typedConfig, TlsInspector)) return;
  throw new CompileError(
    path,
    `the listener filter ${typedConfig?.typeUrl ?? name} is not supported yet: tls_inspector is`,
  );
}

function compileChain(chain: FilterChain, path: string): CompiledChain {
  refuseOthers(chain, path, CHAIN);
  const filters = chain.filters ?? [];
  const last = filters.at(-1);
  if (last === undefined) throw new CompileError(`${path}.filters`, "must hold a filter, found none");
  return {
    name: chain.name ?? "",
    path,
    tls: compileDownstreamTls(chain.transportSocket, `${path}.transport_socket`),
    networkRbac: filters.slice(0, -1).map((filter, i) => networkRbac(filter, `${path}.filters[${i}]`)),
    terminal: terminalOf(last, `${path}.filters[${filters.length - 1}]`),
  };
}

function networkRbac({ name, typedConfig }: NetworkFilter, path: string): NetworkRbac {
  if (typedConfig === undefined || !isAny(typedConfig, NetworkRbac))
    throw new CompileError(
      path,
      `the network filter ${typedConfig?.typeUrl ?? name} is not supported yet before the last one: rbac is`,
    );
  return unpackAt(typedConfig, NetworkRbac, `${path}.typed_config`);
}

function terminalOf({ name, typedConfig }: NetworkFilter, filterPath: string): ChainTerminal {
  const path = `${filterPath}.typed_config`;
  if (typedConfig !== undefined && isAny(typedConfig, HttpConnectionManager))
    return { t: "http", hcm: unpackAt(typedConfig, HttpConnectionManager, path), path };
  if (typedConfig !== undefined && isAny(typedConfig, TcpProxy))
    return { t: "tcp", proxy: checkedTcpProxy(unpackAt(typedConfig, TcpProxy, path), path), path };
  throw new CompileError(
    filterPath,
    `must be an http_connection_manager or a tcp_proxy, found ${typedConfig?.typeUrl ?? name}`,
  );
}

function checkedTcpProxy(proxy: TcpProxy, path: string): TcpProxy {
  refuseOthers(proxy, path, TCP_PROXY);
  const weighted = proxy.weightedClusters?.clusters ?? [];
  if (!proxy.cluster && weighted.length === 0) throw new CompileError(path, "must name a cluster, found none");
  for (const [i, cluster] of weighted.entries()) {
    const at = `${path}.weighted_clusters.clusters[${i}]`;
    refuseOthers(cluster, at, WEIGHTED_CLUSTER);
    if (!cluster.name) throw new CompileError(`${at}.name`, "must not be empty");
    if (!cluster.weight) throw new CompileError(`${at}.weight`, "must be at least 1, found 0");
  }
  if (proxy.maxConnectAttempts === 0)
    throw new CompileError(`${path}.max_connect_attempts`, "must be at least 1, found 0");
  return proxy;
}

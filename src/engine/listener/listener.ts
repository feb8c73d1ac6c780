/**
 * Listeners and their filter chains, compiled.
 *
 * Source: `envoy/config/listener/v3/listener.proto` and `listener_components.proto`, defaults as there.
 *
 * @module
 */
import { HttpConnectionManager } from "../../xds/proto/http-connection-manager.ts";
import { NetworkLocalRateLimit } from "../../xds/proto/filter-network-rate-limit.ts";
import { NetworkRbac } from "../../xds/proto/filter-network-rbac.ts";
import { TcpProxy } from "../../xds/proto/filter-tcp-proxy.ts";
import type { Metadata } from "../../xds/proto/core-base.ts";
import { SniCluster } from "../../xds/proto/filter-sni-cluster.ts";
import type { FilterChain, Listener, NetworkFilter } from "../../xds/proto/listener.ts";
import { isAny } from "../../xds/types/any.ts";
import { CompileError, refuseOthers, unpackAt } from "../compile-error.ts";
import { compileDownstreamTls, type DownstreamTls } from "../tls.ts";
import { compileChainMatch, type ConnectionFacts } from "./chain-match.ts";
import { inspectionWaits } from "./dial-ahead.ts";
import { compileListenerFilters, type ListenerFilters } from "./listener-filters.ts";
import { type CompiledTcpProxy, compileTcpProxy } from "./tcp-proxy.ts";

export interface CompiledListener {
  readonly name: string;
  readonly address: { readonly address: string; readonly port: number; readonly path?: string };
  /** False: connections come from a listener that {@link handsOver}. */
  readonly bindsToPort: boolean;
  /** A connection that was led here is for the listener of the address that it was dialed to, where there is one (`use_original_dst`). */
  readonly handsOver: boolean;
  readonly listenerFilters: ListenerFilters;
  /** The times that the filters wait, one after the other; see `dial-ahead.ts`. */
  readonly inspectionWaitsMs: readonly number[];
  /** Of a request's body, kept for another attempt at most. */
  readonly bufferLimitBytes: number;
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
  /** How long the handshake may take, from the choice of the chain on. Undefined: as long as the proxy lets it. */
  readonly handshakeTimeoutMs: number | undefined;
  /** What lets connections in or not, in order. */
  readonly admission: readonly AdmissionFilter[];
  readonly terminal: ChainTerminal;
  readonly metadata: Metadata | undefined;
}

/** `path`: `filter_chains[0].filters[0].typed_config`. */
export type AdmissionFilter =
  | { readonly t: "rbac"; readonly config: NetworkRbac; readonly path: string }
  | { readonly t: "rateLimit"; readonly config: NetworkLocalRateLimit; readonly path: string };

export type ChainTerminal =
  | { readonly t: "http"; readonly hcm: HttpConnectionManager; readonly path: string }
  | { readonly t: "tcp"; readonly proxy: CompiledTcpProxy; readonly path: string };

/** Envoy's. */
export const DEFAULT_BUFFER_LIMIT_BYTES = 1024 * 1024;

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
  "useOriginalDst",
  // How many connections are accepted at a time is Bun's own choice.
  "maxConnectionsToAcceptPerSocketEvent",
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

/** @throws {CompileError} Naming the field that is wrong or not supported. */
export function compileListener(listener: Listener): CompiledListener {
  refuseOthers(listener, "", LISTENER);
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
  const listenerFilters = compileListenerFilters(listener);
  return {
    name,
    address: addressOf(listener),
    bindsToPort: listener.bindToPort ?? true,
    handsOver: listener.useOriginalDst ?? false,
    bufferLimitBytes: listener.perConnectionBufferLimitBytes ?? DEFAULT_BUFFER_LIMIT_BYTES,
    listenerFilters,
    inspectionWaitsMs: inspectionWaits(
      listenerFilters,
      defaultChain === undefined ? chains : [...chains, defaultChain],
    ),
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
  if (socket?.protocol === "UDP") throw new CompileError("address.socket_address.protocol", "must be TCP here");
  if (socket?.portValue === undefined || socket.address === undefined)
    throw new CompileError("address", "must hold socket_address with address and port_value, or pipe");
  return { address: socket.address, port: socket.portValue };
}

function compileChain(chain: FilterChain, path: string): CompiledChain {
  refuseOthers(chain, path, CHAIN);
  const filters = chain.filters ?? [];
  const last = filters.at(-1);
  if (last === undefined) throw new CompileError(`${path}.filters`, "must hold a filter, found none");
  const before = filters.slice(0, -1).map((filter, i) => beforeLast(filter, `${path}.filters[${i}]`));
  const bySni = before.includes("sniCluster");
  const terminal = terminalOf(last, `${path}.filters[${filters.length - 1}]`, bySni);
  return {
    name: chain.name ?? "",
    path,
    tls: compileDownstreamTls(chain.transportSocket, `${path}.transport_socket`),
    handshakeTimeoutMs: chain.transportSocketConnectTimeout || undefined,
    admission: before.filter((filter) => filter !== "sniCluster"),
    terminal,
    metadata: chain.metadata,
  };
}

/** `sniCluster` only tells the TCP proxy behind it where to go. */
function beforeLast({ name, typedConfig }: NetworkFilter, path: string): AdmissionFilter | "sniCluster" {
  const at = `${path}.typed_config`;
  if (typedConfig !== undefined && isAny(typedConfig, SniCluster)) return "sniCluster";
  if (typedConfig !== undefined && isAny(typedConfig, NetworkRbac))
    return { t: "rbac", config: unpackAt(typedConfig, NetworkRbac, at), path: at };
  if (typedConfig !== undefined && isAny(typedConfig, NetworkLocalRateLimit))
    return { t: "rateLimit", config: unpackAt(typedConfig, NetworkLocalRateLimit, at), path: at };
  throw new CompileError(
    path,
    `the network filter ${typedConfig?.typeUrl ?? name} is not supported yet before the last one: rbac, local_ratelimit and sni_cluster are`,
  );
}

function terminalOf({ name, typedConfig }: NetworkFilter, filterPath: string, bySni: boolean): ChainTerminal {
  const path = `${filterPath}.typed_config`;
  if (typedConfig !== undefined && isAny(typedConfig, HttpConnectionManager))
    return { t: "http", hcm: unpackAt(typedConfig, HttpConnectionManager, path), path };
  if (typedConfig !== undefined && isAny(typedConfig, TcpProxy))
    return { t: "tcp", proxy: compileTcpProxy(unpackAt(typedConfig, TcpProxy, path), path, bySni), path };
  throw new CompileError(
    filterPath,
    `must be an http_connection_manager or a tcp_proxy, found ${typedConfig?.typeUrl ?? name}`,
  );
}

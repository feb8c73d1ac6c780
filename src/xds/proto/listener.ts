/**
 * `envoy.config.listener.v3`: listeners and filter chains.
 *
 * @module
 */
import { any } from "../types/any.ts";
import { enumeration } from "../types/enumeration.ts";
import { lazy, of, oneof } from "../types/field.ts";
import { repeated } from "../types/list-field.ts";
import { type Infer, message, type MessageType } from "../types/message.ts";
import { bool, boolValue, string, uint32, uint32Value } from "../types/scalars.ts";
import { duration } from "../types/time.ts";
import { AccessLog } from "./access-log.ts";
import { Address, CidrRange, SocketOption, SocketOptionsOverride, UdpSocketConfig } from "./core-address.ts";
import { Metadata, TrafficDirection, TransportSocket, TypedExtensionConfig } from "./core-base.ts";
import { ExtensionConfigSource } from "./core-config-source.ts";
import { Int32Range } from "./type.ts";

export const ListenerAdditionalAddress = message("envoy.config.listener.v3.AdditionalAddress", {
  address: of(1, Address),
  socketOptions: of(2, SocketOptionsOverride),
});
export type ListenerAdditionalAddress = Infer<typeof ListenerAdditionalAddress>;

export const ConnectionSourceType = enumeration("envoy.config.listener.v3.FilterChainMatch.ConnectionSourceType", {
  ANY: 0,
  SAME_IP_OR_LOOPBACK: 1,
  EXTERNAL: 2,
});
export type ConnectionSourceType = Infer<typeof ConnectionSourceType>;

export const FilterChainMatch = message("envoy.config.listener.v3.FilterChainMatch", {
  prefixRanges: repeated(of(3, CidrRange)),
  addressSuffix: string(4),
  suffixLen: uint32Value(5),
  sourcePrefixRanges: repeated(of(6, CidrRange)),
  sourcePorts: repeated(uint32(7)),
  destinationPort: uint32Value(8),
  transportProtocol: string(9),
  applicationProtocols: repeated(string(10)),
  serverNames: repeated(string(11)),
  sourceType: of(12, ConnectionSourceType),
  directSourcePrefixRanges: repeated(of(13, CidrRange)),
});
export type FilterChainMatch = Infer<typeof FilterChainMatch>;

export const NetworkFilter = message("envoy.config.listener.v3.Filter", {
  name: string(1),
  ...oneof("config_type", {
    typedConfig: any(4),
    configDiscovery: of(5, ExtensionConfigSource),
  }),
});
export type NetworkFilter = Infer<typeof NetworkFilter>;

export const FilterChain = message("envoy.config.listener.v3.FilterChain", {
  filterChainMatch: of(1, FilterChainMatch),
  filters: repeated(of(3, NetworkFilter)),
  useProxyProto: boolValue(4),
  metadata: of(5, Metadata),
  transportSocket: of(6, TransportSocket),
  name: string(7),
  transportSocketConnectTimeout: duration(9),
});
export type FilterChain = Infer<typeof FilterChain>;

export const DrainType = enumeration("envoy.config.listener.v3.Listener.DrainType", { DEFAULT: 0, MODIFY_ONLY: 1 });
export type DrainType = Infer<typeof DrainType>;

export interface MatchSet {
  readonly rules?: readonly ListenerFilterChainMatchPredicate[] | undefined;
}
export const MatchSet: MessageType<MatchSet> = message(
  "envoy.config.listener.v3.ListenerFilterChainMatchPredicate.MatchSet",
  {
    rules: repeated(lazy(1, () => ListenerFilterChainMatchPredicate)),
  },
);

export interface ListenerFilterChainMatchPredicate {
  readonly orMatch?: MatchSet | undefined;
  readonly andMatch?: MatchSet | undefined;
  readonly notMatch?: ListenerFilterChainMatchPredicate | undefined;
  readonly anyMatch?: boolean | undefined;
  readonly destinationPortRange?: Int32Range | undefined;
}
export const ListenerFilterChainMatchPredicate: MessageType<ListenerFilterChainMatchPredicate> = message(
  "envoy.config.listener.v3.ListenerFilterChainMatchPredicate",
  {
    ...oneof("rule", {
      orMatch: lazy(1, () => MatchSet),
      andMatch: lazy(2, () => MatchSet),
      notMatch: lazy(3, () => ListenerFilterChainMatchPredicate),
      anyMatch: bool(4),
      destinationPortRange: of(5, Int32Range),
    }),
  },
);

export const ListenerFilter = message("envoy.config.listener.v3.ListenerFilter", {
  name: string(1),
  ...oneof("config_type", {
    typedConfig: any(3),
    configDiscovery: of(5, ExtensionConfigSource),
  }),
  filterDisabled: of(4, ListenerFilterChainMatchPredicate),
});
export type ListenerFilter = Infer<typeof ListenerFilter>;

export const ApiListener = message("envoy.config.listener.v3.ApiListener", {
  apiListener: any(1),
});
export type ApiListener = Infer<typeof ApiListener>;

export const ConnectionBalanceConfigExactBalance = message(
  "envoy.config.listener.v3.Listener.ConnectionBalanceConfig.ExactBalance",
  {},
);
export type ConnectionBalanceConfigExactBalance = Infer<typeof ConnectionBalanceConfigExactBalance>;

export const ConnectionBalanceConfig = message("envoy.config.listener.v3.Listener.ConnectionBalanceConfig", {
  ...oneof("balance_type", {
    exactBalance: of(1, ConnectionBalanceConfigExactBalance),
    extendBalance: of(2, TypedExtensionConfig),
  }),
});
export type ConnectionBalanceConfig = Infer<typeof ConnectionBalanceConfig>;

export const InternalListenerConfig = message("envoy.config.listener.v3.Listener.InternalListenerConfig", {});
export type InternalListenerConfig = Infer<typeof InternalListenerConfig>;

/** Not here: QUIC. */
export const UdpListenerConfig = message("envoy.config.listener.v3.UdpListenerConfig", {
  downstreamSocketConfig: of(5, UdpSocketConfig),
  udpPacketPacketWriterConfig: of(8, TypedExtensionConfig),
});
export type UdpListenerConfig = Infer<typeof UdpListenerConfig>;

export const Listener = message("envoy.config.listener.v3.Listener", {
  name: string(1),
  address: of(2, Address),
  filterChains: repeated(of(3, FilterChain)),
  useOriginalDst: boolValue(4),
  perConnectionBufferLimitBytes: uint32Value(5),
  metadata: of(6, Metadata),
  drainType: of(8, DrainType),
  listenerFilters: repeated(of(9, ListenerFilter)),
  transparent: boolValue(10),
  freebind: boolValue(11),
  tcpFastOpenQueueLength: uint32Value(12),
  socketOptions: repeated(of(13, SocketOption)),
  listenerFiltersTimeout: duration(15),
  trafficDirection: of(16, TrafficDirection),
  continueOnListenerFiltersTimeout: bool(17),
  udpListenerConfig: of(18, UdpListenerConfig),
  apiListener: of(19, ApiListener),
  connectionBalanceConfig: of(20, ConnectionBalanceConfig),
  reusePort: bool(21),
  accessLog: repeated(of(22, AccessLog)),
  tcpBacklogSize: uint32Value(24),
  defaultFilterChain: of(25, FilterChain),
  bindToPort: boolValue(26),
  ...oneof("listener_specifier", {
    internalListener: of(27, InternalListenerConfig),
  }),
  statPrefix: string(28),
  enableReusePort: boolValue(29),
  enableMptcp: bool(30),
  ignoreGlobalConnLimit: bool(31),
  additionalAddresses: repeated(of(33, ListenerAdditionalAddress)),
  maxConnectionsToAcceptPerSocketEvent: uint32Value(34),
  bypassOverloadManager: bool(35),
});
export type Listener = Infer<typeof Listener>;

/**
 * `envoy.config.cluster.v3`: clusters.
 *
 * @module
 */
import { any } from "../types/any.ts";
import { enumeration } from "../types/enumeration.ts";
import { of, oneof } from "../types/field.ts";
import { repeated } from "../types/list-field.ts";
import { map } from "../types/map-field.ts";
import { type Infer, message } from "../types/message.ts";
import { bool, boolValue, string, uint32Value } from "../types/scalars.ts";
import { struct } from "../types/struct.ts";
import { duration } from "../types/time.ts";
import { CircuitBreakers, OutlierDetection } from "./cluster-health.ts";
import {
  CommonLbConfig,
  LbSubsetConfig,
  LeastRequestLbConfig,
  LoadBalancingPolicy,
  MaglevLbConfig,
  OriginalDstLbConfig,
  RingHashLbConfig,
  RoundRobinLbConfig,
} from "./cluster-load-balancing.ts";
import { BindConfig, TcpKeepalive } from "./core-address.ts";
import { Metadata, TransportSocket, TypedExtensionConfig } from "./core-base.ts";
import { ConfigSource } from "./core-config-source.ts";
import { HealthCheck } from "./core-health-check.ts";
import {
  Http1ProtocolOptions,
  Http2ProtocolOptions,
  HttpProtocolOptions,
  UpstreamHttpProtocolOptions,
} from "./core-protocol.ts";
import { ClusterLoadAssignment } from "./endpoint.ts";

export const TransportSocketMatch = message("envoy.config.cluster.v3.Cluster.TransportSocketMatch", {
  name: string(1),
  match: struct(2),
  transportSocket: of(3, TransportSocket),
});
export type TransportSocketMatch = Infer<typeof TransportSocketMatch>;

export const ClusterDiscoveryType = enumeration("envoy.config.cluster.v3.Cluster.DiscoveryType", {
  STATIC: 0,
  STRICT_DNS: 1,
  LOGICAL_DNS: 2,
  EDS: 3,
  ORIGINAL_DST: 4,
});
export type ClusterDiscoveryType = Infer<typeof ClusterDiscoveryType>;

export const CustomClusterType = message("envoy.config.cluster.v3.Cluster.CustomClusterType", {
  name: string(1),
  typedConfig: any(2),
});
export type CustomClusterType = Infer<typeof CustomClusterType>;

export const EdsClusterConfig = message("envoy.config.cluster.v3.Cluster.EdsClusterConfig", {
  edsConfig: of(1, ConfigSource),
  serviceName: string(2),
});
export type EdsClusterConfig = Infer<typeof EdsClusterConfig>;

export const ClusterLbPolicy = enumeration("envoy.config.cluster.v3.Cluster.LbPolicy", {
  ROUND_ROBIN: 0,
  LEAST_REQUEST: 1,
  RING_HASH: 2,
  RANDOM: 3,
  MAGLEV: 5,
  CLUSTER_PROVIDED: 6,
  LOAD_BALANCING_POLICY_CONFIG: 7,
});
export type ClusterLbPolicy = Infer<typeof ClusterLbPolicy>;

export const RefreshRate = message("envoy.config.cluster.v3.Cluster.RefreshRate", {
  baseInterval: duration(1),
  maxInterval: duration(2),
});
export type RefreshRate = Infer<typeof RefreshRate>;

export const DnsLookupFamily = enumeration("envoy.config.cluster.v3.Cluster.DnsLookupFamily", {
  AUTO: 0,
  V4_ONLY: 1,
  V6_ONLY: 2,
  V4_PREFERRED: 3,
  ALL: 4,
});
export type DnsLookupFamily = Infer<typeof DnsLookupFamily>;

export const FirstAddressFamilyVersion = enumeration(
  "envoy.config.cluster.v3.UpstreamConnectionOptions.FirstAddressFamilyVersion",
  { DEFAULT: 0, V4: 1, V6: 2 },
);
export type FirstAddressFamilyVersion = Infer<typeof FirstAddressFamilyVersion>;

export const HappyEyeballsConfig = message("envoy.config.cluster.v3.UpstreamConnectionOptions.HappyEyeballsConfig", {
  firstAddressFamilyVersion: of(1, FirstAddressFamilyVersion),
  firstAddressFamilyCount: uint32Value(2),
});
export type HappyEyeballsConfig = Infer<typeof HappyEyeballsConfig>;

export const UpstreamConnectionOptions = message("envoy.config.cluster.v3.UpstreamConnectionOptions", {
  tcpKeepalive: of(1, TcpKeepalive),
  setLocalInterfaceNameOnUpstreamConnections: bool(2),
  happyEyeballsConfig: of(3, HappyEyeballsConfig),
});
export type UpstreamConnectionOptions = Infer<typeof UpstreamConnectionOptions>;

export const TrackClusterStats = message("envoy.config.cluster.v3.TrackClusterStats", {
  timeoutBudgets: bool(1),
  requestResponseSizes: bool(2),
  perEndpointStats: bool(3),
});
export type TrackClusterStats = Infer<typeof TrackClusterStats>;

export const Cluster = message("envoy.config.cluster.v3.Cluster", {
  name: string(1),
  ...oneof("cluster_discovery_type", {
    type: of(2, ClusterDiscoveryType),
    clusterType: of(38, CustomClusterType),
  }),
  edsClusterConfig: of(3, EdsClusterConfig),
  connectTimeout: duration(4),
  perConnectionBufferLimitBytes: uint32Value(5),
  lbPolicy: of(6, ClusterLbPolicy),
  healthChecks: repeated(of(8, HealthCheck)),
  maxRequestsPerConnection: uint32Value(9),
  circuitBreakers: of(10, CircuitBreakers),
  httpProtocolOptions: of(13, Http1ProtocolOptions),
  http2ProtocolOptions: of(14, Http2ProtocolOptions),
  dnsRefreshRate: duration(16),
  dnsLookupFamily: of(17, DnsLookupFamily),
  outlierDetection: of(19, OutlierDetection),
  cleanupInterval: duration(20),
  upstreamBindConfig: of(21, BindConfig),
  lbSubsetConfig: of(22, LbSubsetConfig),
  ...oneof("lb_config", {
    ringHashLbConfig: of(23, RingHashLbConfig),
    originalDstLbConfig: of(34, OriginalDstLbConfig),
    leastRequestLbConfig: of(37, LeastRequestLbConfig),
    maglevLbConfig: of(52, MaglevLbConfig),
    roundRobinLbConfig: of(56, RoundRobinLbConfig),
  }),
  transportSocket: of(24, TransportSocket),
  metadata: of(25, Metadata),
  commonLbConfig: of(27, CommonLbConfig),
  altStatName: string(28),
  commonHttpProtocolOptions: of(29, HttpProtocolOptions),
  upstreamConnectionOptions: of(30, UpstreamConnectionOptions),
  closeConnectionsOnHostHealthFailure: bool(31),
  ignoreHealthOnHostRemoval: bool(32),
  loadAssignment: of(33, ClusterLoadAssignment),
  typedExtensionProtocolOptions: map(any(36)),
  respectDnsTtl: bool(39),
  loadBalancingPolicy: of(41, LoadBalancingPolicy),
  lrsServer: of(42, ConfigSource),
  transportSocketMatches: repeated(of(43, TransportSocketMatch)),
  dnsFailureRefreshRate: of(44, RefreshRate),
  upstreamHttpProtocolOptions: of(46, UpstreamHttpProtocolOptions),
  trackTimeoutBudgets: bool(47),
  upstreamConfig: of(48, TypedExtensionConfig),
  trackClusterStats: of(49, TrackClusterStats),
  connectionPoolPerDownstreamConnection: bool(51),
  waitForWarmOnInit: boolValue(54),
  typedDnsResolverConfig: of(55, TypedExtensionConfig),
});
export type Cluster = Infer<typeof Cluster>;

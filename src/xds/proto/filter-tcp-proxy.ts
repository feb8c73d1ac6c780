/**
 * `envoy.extensions.filters.network.tcp_proxy.v3`.
 *
 * @module
 */
import { of, oneof } from "../types/field.ts";
import { repeated } from "../types/list-field.ts";
import { type Infer, message } from "../types/message.ts";
import { bool, string, uint32, uint32Value } from "../types/scalars.ts";
import { duration } from "../types/time.ts";
import { AccessLog } from "./access-log.ts";
import { HeaderValueOption, Metadata } from "./core-base.ts";
import { HashPolicy } from "./type.ts";

export const TcpProxyWeightedClusterClusterWeight = message(
  "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy.WeightedCluster.ClusterWeight",
  {
    name: string(1),
    weight: uint32(2),
    metadataMatch: of(3, Metadata),
  },
);
export type TcpProxyWeightedClusterClusterWeight = Infer<typeof TcpProxyWeightedClusterClusterWeight>;

export const TcpProxyWeightedCluster = message(
  "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy.WeightedCluster",
  {
    clusters: repeated(of(1, TcpProxyWeightedClusterClusterWeight)),
  },
);
export type TcpProxyWeightedCluster = Infer<typeof TcpProxyWeightedCluster>;

export const TcpProxyTunnelingConfig = message(
  "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy.TunnelingConfig",
  {
    hostname: string(1),
    usePost: bool(2),
    headersToAdd: repeated(of(3, HeaderValueOption)),
    propagateResponseHeaders: bool(4),
    postPath: string(5),
    propagateResponseTrailers: bool(6),
  },
);
export type TcpProxyTunnelingConfig = Infer<typeof TcpProxyTunnelingConfig>;

export const TcpProxyTcpAccessLogOptions = message(
  "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy.TcpAccessLogOptions",
  {
    accessLogFlushInterval: duration(1),
    flushAccessLogOnConnected: bool(2),
  },
);
export type TcpProxyTcpAccessLogOptions = Infer<typeof TcpProxyTcpAccessLogOptions>;

export const TcpProxy = message("envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy", {
  statPrefix: string(1),
  ...oneof("cluster_specifier", {
    cluster: string(2),
    weightedClusters: of(10, TcpProxyWeightedCluster),
  }),
  downstreamIdleTimeout: duration(3),
  upstreamIdleTimeout: duration(4),
  accessLog: repeated(of(5, AccessLog)),
  maxConnectAttempts: uint32Value(7),
  idleTimeout: duration(8),
  metadataMatch: of(9, Metadata),
  hashPolicy: repeated(of(11, HashPolicy)),
  tunnelingConfig: of(12, TcpProxyTunnelingConfig),
  maxDownstreamConnectionDuration: duration(13),
  accessLogOptions: of(17, TcpProxyTcpAccessLogOptions),
});
export type TcpProxy = Infer<typeof TcpProxy>;

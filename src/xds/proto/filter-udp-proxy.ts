/**
 * `envoy.extensions.filters.udp.udp_proxy.v3`.
 *
 * @module
 */
import { any } from "../types/any.ts";
import { of, oneof } from "../types/field.ts";
import { repeated } from "../types/list-field.ts";
import { type Infer, message } from "../types/message.ts";
import { bool, string, uint32, uint32Value, uint64Value } from "../types/scalars.ts";
import { duration } from "../types/time.ts";
import { AccessLog } from "./access-log.ts";
import { UdpSocketConfig } from "./core-address.ts";
import { HeaderValueOption } from "./core-base.ts";
import { Matcher } from "./xds-matcher.ts";

/** The action of a matcher: the cluster of a session. */
export const UdpRoute = message("envoy.extensions.filters.udp.udp_proxy.v3.Route", {
  cluster: string(1),
});
export type UdpRoute = Infer<typeof UdpRoute>;

export const UdpProxyHashPolicy = message("envoy.extensions.filters.udp.udp_proxy.v3.UdpProxyConfig.HashPolicy", {
  ...oneof("policy_specifier", {
    sourceIp: bool(1),
    key: string(2),
  }),
});
export type UdpProxyHashPolicy = Infer<typeof UdpProxyHashPolicy>;

export const UdpProxySessionFilter = message("envoy.extensions.filters.udp.udp_proxy.v3.UdpProxyConfig.SessionFilter", {
  name: string(1),
  ...oneof("config_type", {
    typedConfig: any(2),
  }),
});
export type UdpProxySessionFilter = Infer<typeof UdpProxySessionFilter>;

export const UdpTunnelingBufferOptions = message(
  "envoy.extensions.filters.udp.udp_proxy.v3.UdpProxyConfig.UdpTunnelingConfig.BufferOptions",
  {
    maxBufferedDatagrams: uint32Value(1),
    maxBufferedBytes: uint64Value(2),
  },
);
export type UdpTunnelingBufferOptions = Infer<typeof UdpTunnelingBufferOptions>;

export const UdpTunnelingRetryOptions = message(
  "envoy.extensions.filters.udp.udp_proxy.v3.UdpProxyConfig.UdpTunnelingConfig.RetryOptions",
  {
    maxConnectAttempts: uint32Value(1),
  },
);
export type UdpTunnelingRetryOptions = Infer<typeof UdpTunnelingRetryOptions>;

export const UdpTunnelingConfig = message(
  "envoy.extensions.filters.udp.udp_proxy.v3.UdpProxyConfig.UdpTunnelingConfig",
  {
    proxyHost: string(1),
    proxyPort: uint32Value(2),
    targetHost: string(3),
    defaultTargetPort: uint32(4),
    usePost: bool(5),
    postPath: string(6),
    retryOptions: of(7, UdpTunnelingRetryOptions),
    headersToAdd: repeated(of(8, HeaderValueOption)),
    bufferOptions: of(9, UdpTunnelingBufferOptions),
    propagateResponseHeaders: bool(10),
    propagateResponseTrailers: bool(11),
  },
);
export type UdpTunnelingConfig = Infer<typeof UdpTunnelingConfig>;

export const UdpAccessLogOptions = message(
  "envoy.extensions.filters.udp.udp_proxy.v3.UdpProxyConfig.UdpAccessLogOptions",
  {
    accessLogFlushInterval: duration(1),
    flushAccessLogOnTunnelConnected: bool(2),
  },
);
export type UdpAccessLogOptions = Infer<typeof UdpAccessLogOptions>;

export const UdpProxyConfig = message("envoy.extensions.filters.udp.udp_proxy.v3.UdpProxyConfig", {
  statPrefix: string(1),
  ...oneof("route_specifier", {
    cluster: string(2),
    matcher: of(9, Matcher),
  }),
  idleTimeout: duration(3),
  useOriginalSrcIp: bool(4),
  hashPolicies: repeated(of(5, UdpProxyHashPolicy)),
  upstreamSocketConfig: of(6, UdpSocketConfig),
  usePerPacketLoadBalancing: bool(7),
  accessLog: repeated(of(8, AccessLog)),
  proxyAccessLog: repeated(of(10, AccessLog)),
  sessionFilters: repeated(of(11, UdpProxySessionFilter)),
  tunnelingConfig: of(12, UdpTunnelingConfig),
  accessLogOptions: of(13, UdpAccessLogOptions),
});
export type UdpProxyConfig = Infer<typeof UdpProxyConfig>;

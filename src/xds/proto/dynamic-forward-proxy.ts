/**
 * `envoy.extensions.{common,clusters,filters.http}.dynamic_forward_proxy.v3`: calls to whatever host they name.
 *
 * @module
 */
import { of, oneof } from "../types/field.ts";
import { type Infer, message } from "../types/message.ts";
import { bool, string, uint32Value } from "../types/scalars.ts";
import { duration } from "../types/time.ts";
import { DnsLookupFamily, RefreshRate } from "./cluster.ts";

export const DnsCacheConfig = message("envoy.extensions.common.dynamic_forward_proxy.v3.DnsCacheConfig", {
  name: string(1),
  dnsLookupFamily: of(2, DnsLookupFamily),
  dnsRefreshRate: duration(3),
  hostTtl: duration(4),
  maxHosts: uint32Value(5),
  dnsFailureRefreshRate: of(6, RefreshRate),
  dnsQueryTimeout: duration(11),
  dnsMinRefreshRate: duration(14),
});
export type DnsCacheConfig = Infer<typeof DnsCacheConfig>;

export const DynamicForwardProxyCluster = message("envoy.extensions.clusters.dynamic_forward_proxy.v3.ClusterConfig", {
  ...oneof("cluster_implementation_specifier", { dnsCacheConfig: of(1, DnsCacheConfig) }),
  allowInsecureClusterOptions: bool(2),
  allowCoalescedConnections: bool(3),
});
export type DynamicForwardProxyCluster = Infer<typeof DynamicForwardProxyCluster>;

export const DynamicForwardProxyFilter = message(
  "envoy.extensions.filters.http.dynamic_forward_proxy.v3.FilterConfig",
  {
    ...oneof("implementation_specifier", { dnsCacheConfig: of(1, DnsCacheConfig) }),
    saveUpstreamAddress: bool(2),
  },
);
export type DynamicForwardProxyFilter = Infer<typeof DynamicForwardProxyFilter>;

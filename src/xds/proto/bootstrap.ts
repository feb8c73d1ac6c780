/**
 * `envoy.config.bootstrap.v3`: what a proxy starts from.
 *
 * @module
 */
import { of, oneof } from "../types/field.ts";
import { repeated } from "../types/list-field.ts";
import { type Infer, message } from "../types/message.ts";
import { bool, string, uint64Value } from "../types/scalars.ts";
import { struct } from "../types/struct.ts";
import { duration } from "../types/time.ts";
import { AccessLog } from "./access-log.ts";
import { Cluster } from "./cluster.ts";
import { Address, BindConfig, SocketOption } from "./core-address.ts";
import { Node, TypedExtensionConfig } from "./core-base.ts";
import { ApiConfigSource, ConfigSource, EventServiceConfig } from "./core-config-source.ts";
import { Listener } from "./listener.ts";
import { OverloadManager } from "./overload.ts";
import { StatsConfig, StatsSink } from "./stats.ts";
import { Secret } from "./tls.ts";

export const StaticResources = message("envoy.config.bootstrap.v3.Bootstrap.StaticResources", {
  listeners: repeated(of(1, Listener)),
  clusters: repeated(of(2, Cluster)),
  secrets: repeated(of(3, Secret)),
});
export type StaticResources = Infer<typeof StaticResources>;

export const DynamicResources = message("envoy.config.bootstrap.v3.Bootstrap.DynamicResources", {
  ldsConfig: of(1, ConfigSource),
  cdsConfig: of(2, ConfigSource),
  adsConfig: of(3, ApiConfigSource),
  ldsResourcesLocator: string(5),
  cdsResourcesLocator: string(6),
});
export type DynamicResources = Infer<typeof DynamicResources>;

export const ClusterManagerOutlierDetection = message("envoy.config.bootstrap.v3.ClusterManager.OutlierDetection", {
  eventLogPath: string(1),
  eventService: of(2, EventServiceConfig),
});
export type ClusterManagerOutlierDetection = Infer<typeof ClusterManagerOutlierDetection>;

export const ClusterManager = message("envoy.config.bootstrap.v3.ClusterManager", {
  localClusterName: string(1),
  outlierDetection: of(2, ClusterManagerOutlierDetection),
  upstreamBindConfig: of(3, BindConfig),
  loadStatsConfig: of(4, ApiConfigSource),
  enableDeferredClusterCreation: bool(5),
});
export type ClusterManager = Infer<typeof ClusterManager>;

export const DeferredStatOptions = message("envoy.config.bootstrap.v3.Bootstrap.DeferredStatOptions", {
  enableDeferredCreationStats: bool(1),
});
export type DeferredStatOptions = Infer<typeof DeferredStatOptions>;

export const DiskLayer = message("envoy.config.bootstrap.v3.RuntimeLayer.DiskLayer", {
  symlinkRoot: string(1),
  appendServiceCluster: bool(2),
  subdirectory: string(3),
});
export type DiskLayer = Infer<typeof DiskLayer>;

export const AdminLayer = message("envoy.config.bootstrap.v3.RuntimeLayer.AdminLayer", {});
export type AdminLayer = Infer<typeof AdminLayer>;

export const RtdsLayer = message("envoy.config.bootstrap.v3.RuntimeLayer.RtdsLayer", {
  name: string(1),
  rtdsConfig: of(2, ConfigSource),
});
export type RtdsLayer = Infer<typeof RtdsLayer>;

export const RuntimeLayer = message("envoy.config.bootstrap.v3.RuntimeLayer", {
  name: string(1),
  ...oneof("layer_specifier", {
    staticLayer: struct(2),
    diskLayer: of(3, DiskLayer),
    adminLayer: of(4, AdminLayer),
    rtdsLayer: of(5, RtdsLayer),
  }),
});
export type RuntimeLayer = Infer<typeof RuntimeLayer>;

export const LayeredRuntime = message("envoy.config.bootstrap.v3.LayeredRuntime", {
  layers: repeated(of(1, RuntimeLayer)),
});
export type LayeredRuntime = Infer<typeof LayeredRuntime>;

export const Admin = message("envoy.config.bootstrap.v3.Admin", {
  accessLogPath: string(1),
  profilePath: string(2),
  address: of(3, Address),
  socketOptions: repeated(of(4, SocketOption)),
  accessLog: repeated(of(5, AccessLog)),
  ignoreGlobalConnLimit: bool(6),
});
export type Admin = Infer<typeof Admin>;

export const ApplicationLogConfigLogFormat = message(
  "envoy.config.bootstrap.v3.Bootstrap.ApplicationLogConfig.LogFormat",
  {
    ...oneof("log_format", {
      jsonFormat: struct(1),
      textFormat: string(2),
    }),
  },
);
export type ApplicationLogConfigLogFormat = Infer<typeof ApplicationLogConfigLogFormat>;

export const ApplicationLogConfig = message("envoy.config.bootstrap.v3.Bootstrap.ApplicationLogConfig", {
  logFormat: of(1, ApplicationLogConfigLogFormat),
});
export type ApplicationLogConfig = Infer<typeof ApplicationLogConfig>;

export const Bootstrap = message("envoy.config.bootstrap.v3.Bootstrap", {
  node: of(1, Node),
  staticResources: of(2, StaticResources),
  dynamicResources: of(3, DynamicResources),
  clusterManager: of(4, ClusterManager),
  statsSinks: repeated(of(6, StatsSink)),
  statsFlushInterval: duration(7),
  admin: of(12, Admin),
  statsConfig: of(13, StatsConfig),
  overloadManager: of(15, OverloadManager),
  enableDispatcherStats: bool(16),
  layeredRuntime: of(17, LayeredRuntime),
  headerPrefix: string(18),
  statsServerVersionOverride: uint64Value(19),
  bootstrapExtensions: repeated(of(21, TypedExtensionConfig)),
  configSources: repeated(of(22, ConfigSource)),
  defaultConfigSource: of(23, ConfigSource),
  nodeContextParams: repeated(string(26)),
  ...oneof("stats_flush", {
    statsFlushOnAdmin: bool(29),
  }),
  typedDnsResolverConfig: of(31, TypedExtensionConfig),
  defaultRegexEngine: of(34, TypedExtensionConfig),
  applicationLogConfig: of(38, ApplicationLogConfig),
  deferredStatOptions: of(39, DeferredStatOptions),
});
export type Bootstrap = Infer<typeof Bootstrap>;

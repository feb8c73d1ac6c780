/**
 * `envoy.admin.v3`: what `/config_dump` answers.
 *
 * @module
 */
import { any } from "../types/any.ts";
import { enumeration } from "../types/enumeration.ts";
import { of } from "../types/field.ts";
import { repeated } from "../types/list-field.ts";
import { type Infer, message } from "../types/message.ts";
import { string } from "../types/scalars.ts";
import { timestamp } from "../types/time.ts";
import { Bootstrap } from "./bootstrap.ts";

export const ConfigDump = message("envoy.admin.v3.ConfigDump", {
  configs: repeated(any(1)),
});
export type ConfigDump = Infer<typeof ConfigDump>;

export const BootstrapConfigDump = message("envoy.admin.v3.BootstrapConfigDump", {
  bootstrap: of(1, Bootstrap),
  lastUpdated: timestamp(2),
});
export type BootstrapConfigDump = Infer<typeof BootstrapConfigDump>;

export const SecretsConfigDumpStaticSecret = message("envoy.admin.v3.SecretsConfigDump.StaticSecret", {
  name: string(1),
  lastUpdated: timestamp(2),
  secret: any(3),
});
export type SecretsConfigDumpStaticSecret = Infer<typeof SecretsConfigDumpStaticSecret>;

export const UpdateFailureState = message("envoy.admin.v3.UpdateFailureState", {
  failedConfiguration: any(1),
  lastUpdateAttempt: timestamp(2),
  details: string(3),
  versionInfo: string(4),
});
export type UpdateFailureState = Infer<typeof UpdateFailureState>;

export const ClientResourceStatus = enumeration("envoy.admin.v3.ClientResourceStatus", {
  UNKNOWN: 0,
  REQUESTED: 1,
  DOES_NOT_EXIST: 2,
  ACKED: 3,
  NACKED: 4,
});
export type ClientResourceStatus = Infer<typeof ClientResourceStatus>;

export const SecretsConfigDumpDynamicSecret = message("envoy.admin.v3.SecretsConfigDump.DynamicSecret", {
  name: string(1),
  versionInfo: string(2),
  lastUpdated: timestamp(3),
  secret: any(4),
  errorState: of(5, UpdateFailureState),
  clientStatus: of(6, ClientResourceStatus),
});
export type SecretsConfigDumpDynamicSecret = Infer<typeof SecretsConfigDumpDynamicSecret>;

export const SecretsConfigDump = message("envoy.admin.v3.SecretsConfigDump", {
  staticSecrets: repeated(of(1, SecretsConfigDumpStaticSecret)),
  dynamicActiveSecrets: repeated(of(2, SecretsConfigDumpDynamicSecret)),
  dynamicWarmingSecrets: repeated(of(3, SecretsConfigDumpDynamicSecret)),
});
export type SecretsConfigDump = Infer<typeof SecretsConfigDump>;

export const ListenersConfigDumpStaticListener = message("envoy.admin.v3.ListenersConfigDump.StaticListener", {
  listener: any(1),
  lastUpdated: timestamp(2),
});
export type ListenersConfigDumpStaticListener = Infer<typeof ListenersConfigDumpStaticListener>;

export const ListenersConfigDumpDynamicListenerState = message(
  "envoy.admin.v3.ListenersConfigDump.DynamicListenerState",
  {
    versionInfo: string(1),
    listener: any(2),
    lastUpdated: timestamp(3),
  },
);
export type ListenersConfigDumpDynamicListenerState = Infer<typeof ListenersConfigDumpDynamicListenerState>;

export const ListenersConfigDumpDynamicListener = message("envoy.admin.v3.ListenersConfigDump.DynamicListener", {
  name: string(1),
  activeState: of(2, ListenersConfigDumpDynamicListenerState),
  warmingState: of(3, ListenersConfigDumpDynamicListenerState),
  drainingState: of(4, ListenersConfigDumpDynamicListenerState),
  errorState: of(5, UpdateFailureState),
  clientStatus: of(6, ClientResourceStatus),
});
export type ListenersConfigDumpDynamicListener = Infer<typeof ListenersConfigDumpDynamicListener>;

export const ListenersConfigDump = message("envoy.admin.v3.ListenersConfigDump", {
  versionInfo: string(1),
  staticListeners: repeated(of(2, ListenersConfigDumpStaticListener)),
  dynamicListeners: repeated(of(3, ListenersConfigDumpDynamicListener)),
});
export type ListenersConfigDump = Infer<typeof ListenersConfigDump>;

export const ClustersConfigDumpStaticCluster = message("envoy.admin.v3.ClustersConfigDump.StaticCluster", {
  cluster: any(1),
  lastUpdated: timestamp(2),
});
export type ClustersConfigDumpStaticCluster = Infer<typeof ClustersConfigDumpStaticCluster>;

export const ClustersConfigDumpDynamicCluster = message("envoy.admin.v3.ClustersConfigDump.DynamicCluster", {
  versionInfo: string(1),
  cluster: any(2),
  lastUpdated: timestamp(3),
  errorState: of(4, UpdateFailureState),
  clientStatus: of(5, ClientResourceStatus),
});
export type ClustersConfigDumpDynamicCluster = Infer<typeof ClustersConfigDumpDynamicCluster>;

export const ClustersConfigDump = message("envoy.admin.v3.ClustersConfigDump", {
  versionInfo: string(1),
  staticClusters: repeated(of(2, ClustersConfigDumpStaticCluster)),
  dynamicActiveClusters: repeated(of(3, ClustersConfigDumpDynamicCluster)),
  dynamicWarmingClusters: repeated(of(4, ClustersConfigDumpDynamicCluster)),
});
export type ClustersConfigDump = Infer<typeof ClustersConfigDump>;

export const RoutesConfigDumpStaticRouteConfig = message("envoy.admin.v3.RoutesConfigDump.StaticRouteConfig", {
  routeConfig: any(1),
  lastUpdated: timestamp(2),
});
export type RoutesConfigDumpStaticRouteConfig = Infer<typeof RoutesConfigDumpStaticRouteConfig>;

export const RoutesConfigDumpDynamicRouteConfig = message("envoy.admin.v3.RoutesConfigDump.DynamicRouteConfig", {
  versionInfo: string(1),
  routeConfig: any(2),
  lastUpdated: timestamp(3),
  errorState: of(4, UpdateFailureState),
  clientStatus: of(5, ClientResourceStatus),
});
export type RoutesConfigDumpDynamicRouteConfig = Infer<typeof RoutesConfigDumpDynamicRouteConfig>;

export const RoutesConfigDump = message("envoy.admin.v3.RoutesConfigDump", {
  staticRouteConfigs: repeated(of(2, RoutesConfigDumpStaticRouteConfig)),
  dynamicRouteConfigs: repeated(of(3, RoutesConfigDumpDynamicRouteConfig)),
});
export type RoutesConfigDump = Infer<typeof RoutesConfigDump>;

export const EndpointsConfigDumpStaticEndpointConfig = message(
  "envoy.admin.v3.EndpointsConfigDump.StaticEndpointConfig",
  {
    endpointConfig: any(1),
    lastUpdated: timestamp(2),
  },
);
export type EndpointsConfigDumpStaticEndpointConfig = Infer<typeof EndpointsConfigDumpStaticEndpointConfig>;

export const EndpointsConfigDumpDynamicEndpointConfig = message(
  "envoy.admin.v3.EndpointsConfigDump.DynamicEndpointConfig",
  {
    versionInfo: string(1),
    endpointConfig: any(2),
    lastUpdated: timestamp(3),
    errorState: of(4, UpdateFailureState),
    clientStatus: of(5, ClientResourceStatus),
  },
);
export type EndpointsConfigDumpDynamicEndpointConfig = Infer<typeof EndpointsConfigDumpDynamicEndpointConfig>;

export const EndpointsConfigDump = message("envoy.admin.v3.EndpointsConfigDump", {
  staticEndpointConfigs: repeated(of(2, EndpointsConfigDumpStaticEndpointConfig)),
  dynamicEndpointConfigs: repeated(of(3, EndpointsConfigDumpDynamicEndpointConfig)),
});
export type EndpointsConfigDump = Infer<typeof EndpointsConfigDump>;

/**
 * `envoy.config.core.v3`: nodes, metadata, headers, data sources and runtime values.
 *
 * @module
 */
import { any } from "../types/any.ts";
import { enumeration } from "../types/enumeration.ts";
import { of, oneof } from "../types/field.ts";
import { repeated } from "../types/list-field.ts";
import { map } from "../types/map-field.ts";
import { type Infer, message } from "../types/message.ts";
import { bool, boolValue, bytes, double, int64, string, uint32, uint32Value } from "../types/scalars.ts";
import { struct } from "../types/struct.ts";
import { duration } from "../types/time.ts";
import { FractionalPercent, SemanticVersion } from "./type.ts";

export const Locality = message("envoy.config.core.v3.Locality", {
  region: string(1),
  zone: string(2),
  subZone: string(3),
});
export type Locality = Infer<typeof Locality>;

export const BuildVersion = message("envoy.config.core.v3.BuildVersion", {
  version: of(1, SemanticVersion),
  metadata: struct(2),
});
export type BuildVersion = Infer<typeof BuildVersion>;

export const Extension = message("envoy.config.core.v3.Extension", {
  name: string(1),
  category: string(2),
  typeDescriptor: string(3),
  version: of(4, BuildVersion),
  disabled: bool(5),
  typeUrls: repeated(string(6)),
});
export type Extension = Infer<typeof Extension>;

export const ContextParams = message("xds.core.v3.ContextParams", {
  params: map(string(1)),
});
export type ContextParams = Infer<typeof ContextParams>;

export const Node = message("envoy.config.core.v3.Node", {
  id: string(1),
  cluster: string(2),
  metadata: struct(3),
  locality: of(4, Locality),
  userAgentName: string(6),
  ...oneof("user_agent_version_type", {
    userAgentVersion: string(7),
    userAgentBuildVersion: of(8, BuildVersion),
  }),
  extensions: repeated(of(9, Extension)),
  clientFeatures: repeated(string(10)),
  dynamicParameters: map(of(12, ContextParams)),
});
export type Node = Infer<typeof Node>;

export const Metadata = message("envoy.config.core.v3.Metadata", {
  filterMetadata: map(struct(1)),
  typedFilterMetadata: map(any(2)),
});
export type Metadata = Infer<typeof Metadata>;

export const RuntimeUInt32 = message("envoy.config.core.v3.RuntimeUInt32", {
  defaultValue: uint32(2),
  runtimeKey: string(3),
});
export type RuntimeUInt32 = Infer<typeof RuntimeUInt32>;

export const RuntimeDouble = message("envoy.config.core.v3.RuntimeDouble", {
  defaultValue: double(1),
  runtimeKey: string(2),
});
export type RuntimeDouble = Infer<typeof RuntimeDouble>;

export const HeaderValue = message("envoy.config.core.v3.HeaderValue", {
  key: string(1),
  value: string(2),
  rawValue: bytes(3),
});
export type HeaderValue = Infer<typeof HeaderValue>;

export const HeaderAppendAction = enumeration("envoy.config.core.v3.HeaderValueOption.HeaderAppendAction", {
  APPEND_IF_EXISTS_OR_ADD: 0,
  ADD_IF_ABSENT: 1,
  OVERWRITE_IF_EXISTS_OR_ADD: 2,
  OVERWRITE_IF_EXISTS: 3,
});
export type HeaderAppendAction = Infer<typeof HeaderAppendAction>;

export const HeaderValueOption = message("envoy.config.core.v3.HeaderValueOption", {
  header: of(1, HeaderValue),
  append: boolValue(2),
  appendAction: of(3, HeaderAppendAction),
  keepEmptyValue: bool(4),
});
export type HeaderValueOption = Infer<typeof HeaderValueOption>;

export const WatchedDirectory = message("envoy.config.core.v3.WatchedDirectory", {
  path: string(1),
});
export type WatchedDirectory = Infer<typeof WatchedDirectory>;

export const DataSource = message("envoy.config.core.v3.DataSource", {
  ...oneof("specifier", {
    filename: string(1),
    inlineBytes: bytes(2),
    inlineString: string(3),
    environmentVariable: string(4),
  }),
  watchedDirectory: of(5, WatchedDirectory),
});
export type DataSource = Infer<typeof DataSource>;

/** The source without what it holds; names of files and variables stay. */
export function hideInline(source: DataSource): DataSource {
  return {
    ...source,
    inlineString: source.inlineString === undefined ? undefined : "[redacted]",
    inlineBytes: source.inlineBytes === undefined ? undefined : new TextEncoder().encode("[redacted]"),
  };
}

export const BackoffStrategy = message("envoy.config.core.v3.BackoffStrategy", {
  baseInterval: duration(1),
  maxInterval: duration(2),
});
export type BackoffStrategy = Infer<typeof BackoffStrategy>;

export const CoreRetryPriority = message("envoy.config.core.v3.RetryPolicy.RetryPriority", {
  name: string(1),
  ...oneof("config_type", {
    typedConfig: any(2),
  }),
});
export type CoreRetryPriority = Infer<typeof CoreRetryPriority>;

export const CoreRetryHostPredicate = message("envoy.config.core.v3.RetryPolicy.RetryHostPredicate", {
  name: string(1),
  ...oneof("config_type", {
    typedConfig: any(2),
  }),
});
export type CoreRetryHostPredicate = Infer<typeof CoreRetryHostPredicate>;

export const CoreRetryPolicy = message("envoy.config.core.v3.RetryPolicy", {
  retryBackOff: of(1, BackoffStrategy),
  numRetries: uint32Value(2),
  retryOn: string(3),
  retryPriority: of(4, CoreRetryPriority),
  retryHostPredicate: repeated(of(5, CoreRetryHostPredicate)),
  hostSelectionRetryMaxAttempts: int64(6),
});
export type CoreRetryPolicy = Infer<typeof CoreRetryPolicy>;

export const TransportSocket = message("envoy.config.core.v3.TransportSocket", {
  name: string(1),
  ...oneof("config_type", {
    typedConfig: any(3),
  }),
});
export type TransportSocket = Infer<typeof TransportSocket>;

export const RuntimeFractionalPercent = message("envoy.config.core.v3.RuntimeFractionalPercent", {
  defaultValue: of(1, FractionalPercent),
  runtimeKey: string(2),
});
export type RuntimeFractionalPercent = Infer<typeof RuntimeFractionalPercent>;

export const ControlPlane = message("envoy.config.core.v3.ControlPlane", {
  identifier: string(1),
});
export type ControlPlane = Infer<typeof ControlPlane>;

export const RoutingPriority = enumeration("envoy.config.core.v3.RoutingPriority", { DEFAULT: 0, HIGH: 1 });
export type RoutingPriority = Infer<typeof RoutingPriority>;

export const RequestMethod = enumeration("envoy.config.core.v3.RequestMethod", {
  METHOD_UNSPECIFIED: 0,
  GET: 1,
  HEAD: 2,
  POST: 3,
  PUT: 4,
  DELETE: 5,
  CONNECT: 6,
  OPTIONS: 7,
  TRACE: 8,
  PATCH: 9,
});
export type RequestMethod = Infer<typeof RequestMethod>;

export const TrafficDirection = enumeration("envoy.config.core.v3.TrafficDirection", {
  UNSPECIFIED: 0,
  INBOUND: 1,
  OUTBOUND: 2,
});
export type TrafficDirection = Infer<typeof TrafficDirection>;

export const TypedExtensionConfig = message("envoy.config.core.v3.TypedExtensionConfig", {
  name: string(1),
  typedConfig: any(2),
});
export type TypedExtensionConfig = Infer<typeof TypedExtensionConfig>;

export const HttpUri = message("envoy.config.core.v3.HttpUri", {
  uri: string(1),
  ...oneof("http_upstream_type", {
    cluster: string(2),
  }),
  timeout: duration(3),
});
export type HttpUri = Infer<typeof HttpUri>;

/**
 * `envoy.config.core.v3`: where configuration comes from, and gRPC services.
 *
 * @module
 */
import { any } from "../types/any.ts";
import { enumeration } from "../types/enumeration.ts";
import { of, oneof } from "../types/field.ts";
import { repeated } from "../types/list-field.ts";
import { type Infer, message } from "../types/message.ts";
import { bool, doubleValue, string, uint32Value } from "../types/scalars.ts";
import { duration } from "../types/time.ts";
import { CoreRetryPolicy, HeaderValue, TypedExtensionConfig, WatchedDirectory } from "./core-base.ts";

export const ApiConfigSourceApiType = enumeration("envoy.config.core.v3.ApiConfigSource.ApiType", {
  DEPRECATED_AND_UNAVAILABLE_DO_NOT_USE: 0,
  REST: 1,
  GRPC: 2,
  DELTA_GRPC: 3,
  AGGREGATED_GRPC: 5,
  AGGREGATED_DELTA_GRPC: 6,
});
export type ApiConfigSourceApiType = Infer<typeof ApiConfigSourceApiType>;

export const ApiVersion = enumeration("envoy.config.core.v3.ApiVersion", { AUTO: 0, V2: 1, V3: 2 });
export type ApiVersion = Infer<typeof ApiVersion>;

export const EnvoyGrpc = message("envoy.config.core.v3.GrpcService.EnvoyGrpc", {
  clusterName: string(1),
  authority: string(2),
  retryPolicy: of(3, CoreRetryPolicy),
  maxReceiveMessageLength: uint32Value(4),
  skipEnvoyHeaders: bool(5),
});
export type EnvoyGrpc = Infer<typeof EnvoyGrpc>;

export const GrpcService = message("envoy.config.core.v3.GrpcService", {
  ...oneof("target_specifier", {
    envoyGrpc: of(1, EnvoyGrpc),
  }),
  timeout: duration(3),
  initialMetadata: repeated(of(5, HeaderValue)),
  retryPolicy: of(6, CoreRetryPolicy),
});
export type GrpcService = Infer<typeof GrpcService>;

export const RateLimitSettings = message("envoy.config.core.v3.RateLimitSettings", {
  maxTokens: uint32Value(1),
  fillRate: doubleValue(2),
});
export type RateLimitSettings = Infer<typeof RateLimitSettings>;

export const ApiConfigSource = message("envoy.config.core.v3.ApiConfigSource", {
  apiType: of(1, ApiConfigSourceApiType),
  clusterNames: repeated(string(2)),
  refreshDelay: duration(3),
  grpcServices: repeated(of(4, GrpcService)),
  requestTimeout: duration(5),
  rateLimitSettings: of(6, RateLimitSettings),
  setNodeOnFirstMessageOnly: bool(7),
  transportApiVersion: of(8, ApiVersion),
  configValidators: repeated(of(9, TypedExtensionConfig)),
});
export type ApiConfigSource = Infer<typeof ApiConfigSource>;

export const AggregatedConfigSource = message("envoy.config.core.v3.AggregatedConfigSource", {});
export type AggregatedConfigSource = Infer<typeof AggregatedConfigSource>;

export const PathConfigSource = message("envoy.config.core.v3.PathConfigSource", {
  path: string(1),
  watchedDirectory: of(2, WatchedDirectory),
});
export type PathConfigSource = Infer<typeof PathConfigSource>;

export const ConfigSource = message("envoy.config.core.v3.ConfigSource", {
  ...oneof("config_source_specifier", {
    path: string(1),
    apiConfigSource: of(2, ApiConfigSource),
    ads: of(3, AggregatedConfigSource),
    pathConfigSource: of(8, PathConfigSource),
  }),
  initialFetchTimeout: duration(4),
  resourceApiVersion: of(6, ApiVersion),
});
export type ConfigSource = Infer<typeof ConfigSource>;

export const ExtensionConfigSource = message("envoy.config.core.v3.ExtensionConfigSource", {
  configSource: of(1, ConfigSource),
  defaultConfig: any(2),
  applyDefaultConfigWithoutWarming: bool(3),
  typeUrls: repeated(string(4)),
});
export type ExtensionConfigSource = Infer<typeof ExtensionConfigSource>;

export const EventServiceConfig = message("envoy.config.core.v3.EventServiceConfig", {
  ...oneof("config_source_specifier", {
    grpcService: of(1, GrpcService),
  }),
});
export type EventServiceConfig = Infer<typeof EventServiceConfig>;

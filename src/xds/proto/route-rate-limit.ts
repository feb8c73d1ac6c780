/**
 * `envoy.config.route.v3`: descriptors for rate limits.
 *
 * @module
 */
import { enumeration } from "../types/enumeration.ts";
import { of, oneof } from "../types/field.ts";
import { repeated } from "../types/list-field.ts";
import { type Infer, message } from "../types/message.ts";
import { bool, boolValue, string, uint32Value } from "../types/scalars.ts";
import { TypedExtensionConfig } from "./core-base.ts";
import { MetadataKey } from "./metadata-tracing.ts";
import { HeaderMatcher, QueryParameterMatcher } from "./route-match.ts";

export const RateLimitActionSourceCluster = message("envoy.config.route.v3.RateLimit.Action.SourceCluster", {});
export type RateLimitActionSourceCluster = Infer<typeof RateLimitActionSourceCluster>;

export const RateLimitActionDestinationCluster = message(
  "envoy.config.route.v3.RateLimit.Action.DestinationCluster",
  {},
);
export type RateLimitActionDestinationCluster = Infer<typeof RateLimitActionDestinationCluster>;

export const RateLimitActionRequestHeaders = message("envoy.config.route.v3.RateLimit.Action.RequestHeaders", {
  headerName: string(1),
  descriptorKey: string(2),
  skipIfAbsent: bool(3),
});
export type RateLimitActionRequestHeaders = Infer<typeof RateLimitActionRequestHeaders>;

export const RateLimitActionRemoteAddress = message("envoy.config.route.v3.RateLimit.Action.RemoteAddress", {});
export type RateLimitActionRemoteAddress = Infer<typeof RateLimitActionRemoteAddress>;

export const RateLimitActionGenericKey = message("envoy.config.route.v3.RateLimit.Action.GenericKey", {
  descriptorValue: string(1),
  descriptorKey: string(2),
});
export type RateLimitActionGenericKey = Infer<typeof RateLimitActionGenericKey>;

export const RateLimitActionHeaderValueMatch = message("envoy.config.route.v3.RateLimit.Action.HeaderValueMatch", {
  descriptorValue: string(1),
  expectMatch: boolValue(2),
  headers: repeated(of(3, HeaderMatcher)),
  descriptorKey: string(4),
});
export type RateLimitActionHeaderValueMatch = Infer<typeof RateLimitActionHeaderValueMatch>;

export const RateLimitActionMetaDataSource = enumeration("envoy.config.route.v3.RateLimit.Action.MetaData.Source", {
  DYNAMIC: 0,
  ROUTE_ENTRY: 1,
});
export type RateLimitActionMetaDataSource = Infer<typeof RateLimitActionMetaDataSource>;

export const RateLimitActionMetaData = message("envoy.config.route.v3.RateLimit.Action.MetaData", {
  descriptorKey: string(1),
  metadataKey: of(2, MetadataKey),
  defaultValue: string(3),
  source: of(4, RateLimitActionMetaDataSource),
  skipIfAbsent: bool(5),
});
export type RateLimitActionMetaData = Infer<typeof RateLimitActionMetaData>;

export const RateLimitActionMaskedRemoteAddress = message(
  "envoy.config.route.v3.RateLimit.Action.MaskedRemoteAddress",
  {
    v4PrefixMaskLen: uint32Value(1),
    v6PrefixMaskLen: uint32Value(2),
  },
);
export type RateLimitActionMaskedRemoteAddress = Infer<typeof RateLimitActionMaskedRemoteAddress>;

export const RateLimitActionQueryParameterValueMatch = message(
  "envoy.config.route.v3.RateLimit.Action.QueryParameterValueMatch",
  {
    descriptorValue: string(1),
    expectMatch: boolValue(2),
    queryParameters: repeated(of(3, QueryParameterMatcher)),
    descriptorKey: string(4),
  },
);
export type RateLimitActionQueryParameterValueMatch = Infer<typeof RateLimitActionQueryParameterValueMatch>;

export const RateLimitAction = message("envoy.config.route.v3.RateLimit.Action", {
  ...oneof("action_specifier", {
    sourceCluster: of(1, RateLimitActionSourceCluster),
    destinationCluster: of(2, RateLimitActionDestinationCluster),
    requestHeaders: of(3, RateLimitActionRequestHeaders),
    remoteAddress: of(4, RateLimitActionRemoteAddress),
    genericKey: of(5, RateLimitActionGenericKey),
    headerValueMatch: of(6, RateLimitActionHeaderValueMatch),
    metadata: of(8, RateLimitActionMetaData),
    extension: of(9, TypedExtensionConfig),
    maskedRemoteAddress: of(10, RateLimitActionMaskedRemoteAddress),
    queryParameterValueMatch: of(11, RateLimitActionQueryParameterValueMatch),
  }),
});
export type RateLimitAction = Infer<typeof RateLimitAction>;

export const RateLimitOverrideDynamicMetadata = message("envoy.config.route.v3.RateLimit.Override.DynamicMetadata", {
  metadataKey: of(1, MetadataKey),
});
export type RateLimitOverrideDynamicMetadata = Infer<typeof RateLimitOverrideDynamicMetadata>;

export const RateLimitOverride = message("envoy.config.route.v3.RateLimit.Override", {
  ...oneof("override_specifier", {
    dynamicMetadata: of(1, RateLimitOverrideDynamicMetadata),
  }),
});
export type RateLimitOverride = Infer<typeof RateLimitOverride>;

export const RateLimit = message("envoy.config.route.v3.RateLimit", {
  stage: uint32Value(1),
  disableKey: string(2),
  actions: repeated(of(3, RateLimitAction)),
  limit: of(4, RateLimitOverride),
});
export type RateLimit = Infer<typeof RateLimit>;

/**
 * `envoy.config.route.v3`: what a route does.
 *
 * @module
 */
import { any } from "../types/any.ts";
import { enumeration } from "../types/enumeration.ts";
import { of, oneof } from "../types/field.ts";
import { repeated } from "../types/list-field.ts";
import { map } from "../types/map-field.ts";
import { type Infer, message } from "../types/message.ts";
import { bool, boolValue, int64, string, uint32, uint32Value } from "../types/scalars.ts";
import { duration } from "../types/time.ts";
import {
  DataSource,
  HeaderValueOption,
  Metadata,
  RoutingPriority,
  RuntimeFractionalPercent,
  TypedExtensionConfig,
} from "./core-base.ts";
import { ProxyProtocolConfig } from "./core-protocol.ts";
import { RegexMatchAndSubstitute } from "./matcher.ts";
import { HeaderMatcher } from "./route-match.ts";
import { RateLimit } from "./route-rate-limit.ts";
import { FractionalPercent } from "./type.ts";

export const ClusterWeight = message("envoy.config.route.v3.WeightedCluster.ClusterWeight", {
  name: string(1),
  weight: uint32Value(2),
  metadataMatch: of(3, Metadata),
  requestHeadersToAdd: repeated(of(4, HeaderValueOption)),
  responseHeadersToAdd: repeated(of(5, HeaderValueOption)),
  responseHeadersToRemove: repeated(string(6)),
  requestHeadersToRemove: repeated(string(9)),
  typedPerFilterConfig: map(any(10)),
  ...oneof("host_rewrite_specifier", {
    hostRewriteLiteral: string(11),
  }),
  clusterHeader: string(12),
});
export type ClusterWeight = Infer<typeof ClusterWeight>;

export const WeightedCluster = message("envoy.config.route.v3.WeightedCluster", {
  clusters: repeated(of(1, ClusterWeight)),
  runtimeKeyPrefix: string(2),
  totalWeight: uint32Value(3),
  ...oneof("random_value_specifier", {
    headerName: string(4),
  }),
});
export type WeightedCluster = Infer<typeof WeightedCluster>;

export const ClusterSpecifierPlugin = message("envoy.config.route.v3.ClusterSpecifierPlugin", {
  extension: of(1, TypedExtensionConfig),
  isOptional: bool(2),
});
export type ClusterSpecifierPlugin = Infer<typeof ClusterSpecifierPlugin>;

export const ClusterNotFoundResponseCode = enumeration(
  "envoy.config.route.v3.RouteAction.ClusterNotFoundResponseCode",
  { SERVICE_UNAVAILABLE: 0, NOT_FOUND: 1, INTERNAL_SERVER_ERROR: 2 },
);
export type ClusterNotFoundResponseCode = Infer<typeof ClusterNotFoundResponseCode>;

export const RetryPriority = message("envoy.config.route.v3.RetryPolicy.RetryPriority", {
  name: string(1),
  ...oneof("config_type", {
    typedConfig: any(3),
  }),
});
export type RetryPriority = Infer<typeof RetryPriority>;

export const RetryHostPredicate = message("envoy.config.route.v3.RetryPolicy.RetryHostPredicate", {
  name: string(1),
  ...oneof("config_type", {
    typedConfig: any(3),
  }),
});
export type RetryHostPredicate = Infer<typeof RetryHostPredicate>;

export const RetryBackOff = message("envoy.config.route.v3.RetryPolicy.RetryBackOff", {
  baseInterval: duration(1),
  maxInterval: duration(2),
});
export type RetryBackOff = Infer<typeof RetryBackOff>;

export const ResetHeaderFormat = enumeration("envoy.config.route.v3.RetryPolicy.ResetHeaderFormat", {
  SECONDS: 0,
  UNIX_TIMESTAMP: 1,
});
export type ResetHeaderFormat = Infer<typeof ResetHeaderFormat>;

export const ResetHeader = message("envoy.config.route.v3.RetryPolicy.ResetHeader", {
  name: string(1),
  format: of(2, ResetHeaderFormat),
});
export type ResetHeader = Infer<typeof ResetHeader>;

export const RateLimitedRetryBackOff = message("envoy.config.route.v3.RetryPolicy.RateLimitedRetryBackOff", {
  resetHeaders: repeated(of(1, ResetHeader)),
  maxInterval: duration(2),
});
export type RateLimitedRetryBackOff = Infer<typeof RateLimitedRetryBackOff>;

export const RetryPolicy = message("envoy.config.route.v3.RetryPolicy", {
  retryOn: string(1),
  numRetries: uint32Value(2),
  perTryTimeout: duration(3),
  retryPriority: of(4, RetryPriority),
  retryHostPredicate: repeated(of(5, RetryHostPredicate)),
  hostSelectionRetryMaxAttempts: int64(6),
  retriableStatusCodes: repeated(uint32(7)),
  retryBackOff: of(8, RetryBackOff),
  retriableHeaders: repeated(of(9, HeaderMatcher)),
  retriableRequestHeaders: repeated(of(10, HeaderMatcher)),
  rateLimitedRetryBackOff: of(11, RateLimitedRetryBackOff),
  retryOptionsPredicates: repeated(of(12, TypedExtensionConfig)),
  perTryIdleTimeout: duration(13),
});
export type RetryPolicy = Infer<typeof RetryPolicy>;

export const RequestMirrorPolicy = message("envoy.config.route.v3.RouteAction.RequestMirrorPolicy", {
  cluster: string(1),
  runtimeFraction: of(3, RuntimeFractionalPercent),
  traceSampled: boolValue(4),
  clusterHeader: string(5),
  disableShadowHostSuffixAppend: bool(6),
});
export type RequestMirrorPolicy = Infer<typeof RequestMirrorPolicy>;

export const RouteActionHashPolicyHeader = message("envoy.config.route.v3.RouteAction.HashPolicy.Header", {
  headerName: string(1),
  regexRewrite: of(2, RegexMatchAndSubstitute),
});
export type RouteActionHashPolicyHeader = Infer<typeof RouteActionHashPolicyHeader>;

export const RouteActionHashPolicyCookieAttribute = message(
  "envoy.config.route.v3.RouteAction.HashPolicy.CookieAttribute",
  {
    name: string(1),
    value: string(2),
  },
);
export type RouteActionHashPolicyCookieAttribute = Infer<typeof RouteActionHashPolicyCookieAttribute>;

export const RouteActionHashPolicyCookie = message("envoy.config.route.v3.RouteAction.HashPolicy.Cookie", {
  name: string(1),
  ttl: duration(2),
  path: string(3),
  attributes: repeated(of(4, RouteActionHashPolicyCookieAttribute)),
});
export type RouteActionHashPolicyCookie = Infer<typeof RouteActionHashPolicyCookie>;

export const RouteActionHashPolicyConnectionProperties = message(
  "envoy.config.route.v3.RouteAction.HashPolicy.ConnectionProperties",
  {
    sourceIp: bool(1),
  },
);
export type RouteActionHashPolicyConnectionProperties = Infer<typeof RouteActionHashPolicyConnectionProperties>;

export const RouteActionHashPolicyQueryParameter = message(
  "envoy.config.route.v3.RouteAction.HashPolicy.QueryParameter",
  {
    name: string(1),
  },
);
export type RouteActionHashPolicyQueryParameter = Infer<typeof RouteActionHashPolicyQueryParameter>;

export const RouteActionHashPolicyFilterState = message("envoy.config.route.v3.RouteAction.HashPolicy.FilterState", {
  key: string(1),
});
export type RouteActionHashPolicyFilterState = Infer<typeof RouteActionHashPolicyFilterState>;

export const RouteActionHashPolicy = message("envoy.config.route.v3.RouteAction.HashPolicy", {
  ...oneof("policy_specifier", {
    header: of(1, RouteActionHashPolicyHeader),
    cookie: of(2, RouteActionHashPolicyCookie),
    connectionProperties: of(3, RouteActionHashPolicyConnectionProperties),
    queryParameter: of(5, RouteActionHashPolicyQueryParameter),
    filterState: of(6, RouteActionHashPolicyFilterState),
  }),
  terminal: bool(4),
});
export type RouteActionHashPolicy = Infer<typeof RouteActionHashPolicy>;

export const RouteActionUpgradeConfigConnectConfig = message(
  "envoy.config.route.v3.RouteAction.UpgradeConfig.ConnectConfig",
  {
    proxyProtocolConfig: of(1, ProxyProtocolConfig),
    allowPost: bool(2),
  },
);
export type RouteActionUpgradeConfigConnectConfig = Infer<typeof RouteActionUpgradeConfigConnectConfig>;

export const RouteActionUpgradeConfig = message("envoy.config.route.v3.RouteAction.UpgradeConfig", {
  upgradeType: string(1),
  enabled: boolValue(2),
  connectConfig: of(3, RouteActionUpgradeConfigConnectConfig),
});
export type RouteActionUpgradeConfig = Infer<typeof RouteActionUpgradeConfig>;

export const InternalRedirectPolicy = message("envoy.config.route.v3.InternalRedirectPolicy", {
  maxInternalRedirects: uint32Value(1),
  redirectResponseCodes: repeated(uint32(2)),
  predicates: repeated(of(3, TypedExtensionConfig)),
  allowCrossSchemeRedirect: bool(4),
  responseHeadersToCopy: repeated(string(5)),
});
export type InternalRedirectPolicy = Infer<typeof InternalRedirectPolicy>;

export const HedgePolicy = message("envoy.config.route.v3.HedgePolicy", {
  initialRequests: uint32Value(1),
  additionalRequestChance: of(2, FractionalPercent),
  hedgeOnPerTryTimeout: bool(3),
});
export type HedgePolicy = Infer<typeof HedgePolicy>;

export const MaxStreamDuration = message("envoy.config.route.v3.RouteAction.MaxStreamDuration", {
  maxStreamDuration: duration(1),
  grpcTimeoutHeaderMax: duration(2),
  grpcTimeoutHeaderOffset: duration(3),
});
export type MaxStreamDuration = Infer<typeof MaxStreamDuration>;

export const RouteAction = message("envoy.config.route.v3.RouteAction", {
  ...oneof("cluster_specifier", {
    cluster: string(1),
    clusterHeader: string(2),
    weightedClusters: of(3, WeightedCluster),
    clusterSpecifierPlugin: string(37),
    inlineClusterSpecifierPlugin: of(39, ClusterSpecifierPlugin),
  }),
  metadataMatch: of(4, Metadata),
  prefixRewrite: string(5),
  ...oneof("host_rewrite_specifier", {
    hostRewriteLiteral: string(6),
    autoHostRewrite: boolValue(7),
    hostRewriteHeader: string(29),
    hostRewritePathRegex: of(35, RegexMatchAndSubstitute),
  }),
  timeout: duration(8),
  retryPolicy: of(9, RetryPolicy),
  priority: of(11, RoutingPriority),
  rateLimits: repeated(of(13, RateLimit)),
  includeVhRateLimits: boolValue(14),
  hashPolicy: repeated(of(15, RouteActionHashPolicy)),
  clusterNotFoundResponseCode: of(20, ClusterNotFoundResponseCode),
  maxGrpcTimeout: duration(23),
  idleTimeout: duration(24),
  upgradeConfigs: repeated(of(25, RouteActionUpgradeConfig)),
  hedgePolicy: of(27, HedgePolicy),
  requestMirrorPolicies: repeated(of(30, RequestMirrorPolicy)),
  regexRewrite: of(32, RegexMatchAndSubstitute),
  retryPolicyTypedConfig: any(33),
  internalRedirectPolicy: of(34, InternalRedirectPolicy),
  maxStreamDuration: of(36, MaxStreamDuration),
  appendXForwardedHost: bool(38),
  earlyDataPolicy: of(40, TypedExtensionConfig),
  pathRewritePolicy: of(41, TypedExtensionConfig),
});
export type RouteAction = Infer<typeof RouteAction>;

export const RedirectResponseCode = enumeration("envoy.config.route.v3.RedirectAction.RedirectResponseCode", {
  MOVED_PERMANENTLY: 0,
  FOUND: 1,
  SEE_OTHER: 2,
  TEMPORARY_REDIRECT: 3,
  PERMANENT_REDIRECT: 4,
});
export type RedirectResponseCode = Infer<typeof RedirectResponseCode>;

export const RedirectAction = message("envoy.config.route.v3.RedirectAction", {
  hostRedirect: string(1),
  ...oneof("path_rewrite_specifier", {
    pathRedirect: string(2),
    prefixRewrite: string(5),
    regexRewrite: of(9, RegexMatchAndSubstitute),
  }),
  responseCode: of(3, RedirectResponseCode),
  ...oneof("scheme_rewrite_specifier", {
    httpsRedirect: bool(4),
    schemeRedirect: string(7),
  }),
  stripQuery: bool(6),
  portRedirect: uint32(8),
});
export type RedirectAction = Infer<typeof RedirectAction>;

export const DirectResponseAction = message("envoy.config.route.v3.DirectResponseAction", {
  status: uint32(1),
  body: of(2, DataSource),
});
export type DirectResponseAction = Infer<typeof DirectResponseAction>;

export const NonForwardingAction = message("envoy.config.route.v3.NonForwardingAction", {});
export type NonForwardingAction = Infer<typeof NonForwardingAction>;

/**
 * `envoy.config.route.v3`: route configurations, virtual hosts and routes.
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
import { HeaderValueOption, Metadata } from "./core-base.ts";
import { ConfigSource } from "./core-config-source.ts";
import { CustomTag } from "./metadata-tracing.ts";
import {
  ClusterSpecifierPlugin,
  DirectResponseAction,
  HedgePolicy,
  NonForwardingAction,
  RedirectAction,
  RequestMirrorPolicy,
  RetryPolicy,
  RouteAction,
} from "./route-action.ts";
import { HeaderMatcher, RouteMatch } from "./route-match.ts";
import { RateLimit } from "./route-rate-limit.ts";
import { FractionalPercent } from "./type.ts";

export const Decorator = message("envoy.config.route.v3.Decorator", {
  operation: string(1),
  propagate: boolValue(2),
});
export type Decorator = Infer<typeof Decorator>;

export const RouteTracing = message("envoy.config.route.v3.Tracing", {
  clientSampling: of(1, FractionalPercent),
  randomSampling: of(2, FractionalPercent),
  overallSampling: of(3, FractionalPercent),
  customTags: repeated(of(4, CustomTag)),
});
export type RouteTracing = Infer<typeof RouteTracing>;

export const Route = message("envoy.config.route.v3.Route", {
  match: of(1, RouteMatch),
  ...oneof("action", {
    route: of(2, RouteAction),
    redirect: of(3, RedirectAction),
    directResponse: of(7, DirectResponseAction),
    nonForwardingAction: of(18, NonForwardingAction),
  }),
  metadata: of(4, Metadata),
  decorator: of(5, Decorator),
  requestHeadersToAdd: repeated(of(9, HeaderValueOption)),
  responseHeadersToAdd: repeated(of(10, HeaderValueOption)),
  responseHeadersToRemove: repeated(string(11)),
  requestHeadersToRemove: repeated(string(12)),
  typedPerFilterConfig: map(any(13)),
  name: string(14),
  tracing: of(15, RouteTracing),
  perRequestBufferLimitBytes: uint32Value(16),
  statPrefix: string(19),
});
export type Route = Infer<typeof Route>;

export const TlsRequirementType = enumeration("envoy.config.route.v3.VirtualHost.TlsRequirementType", {
  NONE: 0,
  EXTERNAL_ONLY: 1,
  ALL: 2,
});
export type TlsRequirementType = Infer<typeof TlsRequirementType>;

export const VirtualCluster = message("envoy.config.route.v3.VirtualCluster", {
  name: string(2),
  headers: repeated(of(4, HeaderMatcher)),
});
export type VirtualCluster = Infer<typeof VirtualCluster>;

export const VirtualHost = message("envoy.config.route.v3.VirtualHost", {
  name: string(1),
  domains: repeated(string(2)),
  routes: repeated(of(3, Route)),
  requireTls: of(4, TlsRequirementType),
  virtualClusters: repeated(of(5, VirtualCluster)),
  rateLimits: repeated(of(6, RateLimit)),
  requestHeadersToAdd: repeated(of(7, HeaderValueOption)),
  responseHeadersToAdd: repeated(of(10, HeaderValueOption)),
  responseHeadersToRemove: repeated(string(11)),
  requestHeadersToRemove: repeated(string(13)),
  includeRequestAttemptCount: bool(14),
  typedPerFilterConfig: map(any(15)),
  retryPolicy: of(16, RetryPolicy),
  hedgePolicy: of(17, HedgePolicy),
  perRequestBufferLimitBytes: uint32Value(18),
  includeAttemptCountInResponse: bool(19),
  retryPolicyTypedConfig: any(20),
  requestMirrorPolicies: repeated(of(22, RequestMirrorPolicy)),
  includeIsTimeoutRetryHeader: bool(23),
  metadata: of(24, Metadata),
});
export type VirtualHost = Infer<typeof VirtualHost>;

export const Vhds = message("envoy.config.route.v3.Vhds", {
  configSource: of(1, ConfigSource),
});
export type Vhds = Infer<typeof Vhds>;

export const RouteConfiguration = message("envoy.config.route.v3.RouteConfiguration", {
  name: string(1),
  virtualHosts: repeated(of(2, VirtualHost)),
  internalOnlyHeaders: repeated(string(3)),
  responseHeadersToAdd: repeated(of(4, HeaderValueOption)),
  responseHeadersToRemove: repeated(string(5)),
  requestHeadersToAdd: repeated(of(6, HeaderValueOption)),
  validateClusters: boolValue(7),
  requestHeadersToRemove: repeated(string(8)),
  vhds: of(9, Vhds),
  mostSpecificHeaderMutationsWins: bool(10),
  maxDirectResponseBodySizeBytes: uint32Value(11),
  clusterSpecifierPlugins: repeated(of(12, ClusterSpecifierPlugin)),
  requestMirrorPolicies: repeated(of(13, RequestMirrorPolicy)),
  ignorePortInHostMatching: bool(14),
  ignorePathParametersInPathMatching: bool(15),
  typedPerFilterConfig: map(any(16)),
  metadata: of(17, Metadata),
});
export type RouteConfiguration = Infer<typeof RouteConfiguration>;

export const FilterConfig = message("envoy.config.route.v3.FilterConfig", {
  config: any(1),
  isOptional: bool(2),
  disabled: bool(3),
});
export type FilterConfig = Infer<typeof FilterConfig>;

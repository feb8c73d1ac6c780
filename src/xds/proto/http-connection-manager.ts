/**
 * `envoy.extensions.filters.network.http_connection_manager.v3`.
 *
 * @module
 */
import { any } from "../types/any.ts";
import { enumeration } from "../types/enumeration.ts";
import { named, of, oneof } from "../types/field.ts";
import { repeated } from "../types/list-field.ts";
import { type Infer, message } from "../types/message.ts";
import { bool, boolValue, string, uint32, uint32Value } from "../types/scalars.ts";
import { duration } from "../types/time.ts";
import { AccessLog, AccessLogFilter } from "./access-log.ts";
import { CidrRange } from "./core-address.ts";
import { DataSource, HeaderValueOption, TypedExtensionConfig } from "./core-base.ts";
import { ConfigSource, ExtensionConfigSource } from "./core-config-source.ts";
import {
  Http1ProtocolOptions,
  Http2ProtocolOptions,
  Http3ProtocolOptions,
  HttpProtocolOptions,
  SchemeHeaderTransformation,
} from "./core-protocol.ts";
import { CustomTag } from "./metadata-tracing.ts";
import { RouteConfiguration } from "./route.ts";
import { SubstitutionFormatString } from "./substitution-format.ts";
import { PathTransformation, Percent } from "./type.ts";

export const CodecType = enumeration(
  "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.CodecType",
  { AUTO: 0, HTTP1: 1, HTTP2: 2, HTTP3: 3 },
);
export type CodecType = Infer<typeof CodecType>;

export const Rds = message("envoy.extensions.filters.network.http_connection_manager.v3.Rds", {
  configSource: of(1, ConfigSource),
  routeConfigName: string(2),
});
export type Rds = Infer<typeof Rds>;

export const HttpFilter = message("envoy.extensions.filters.network.http_connection_manager.v3.HttpFilter", {
  name: string(1),
  ...oneof("config_type", {
    typedConfig: any(4),
    configDiscovery: of(5, ExtensionConfigSource),
  }),
  isOptional: bool(6),
  disabled: bool(7),
});
export type HttpFilter = Infer<typeof HttpFilter>;

export const TracingProvider = message("envoy.config.trace.v3.Tracing.Http", {
  name: string(1),
  ...oneof("config_type", {
    typedConfig: any(3),
  }),
});
export type TracingProvider = Infer<typeof TracingProvider>;

export const HttpConnectionManagerTracing = message(
  "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.Tracing",
  {
    clientSampling: of(3, Percent),
    randomSampling: of(4, Percent),
    overallSampling: of(5, Percent),
    verbose: bool(6),
    maxPathTagLength: uint32Value(7),
    customTags: repeated(of(8, CustomTag)),
    provider: of(9, TracingProvider),
    spawnUpstreamSpan: boolValue(10),
  },
);
export type HttpConnectionManagerTracing = Infer<typeof HttpConnectionManagerTracing>;

export const ServerHeaderTransformation = enumeration(
  "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.ServerHeaderTransformation",
  { OVERWRITE: 0, APPEND_IF_ABSENT: 1, PASS_THROUGH: 2 },
);
export type ServerHeaderTransformation = Infer<typeof ServerHeaderTransformation>;

export const HcmAccessLogOptions = message(
  "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.HcmAccessLogOptions",
  {
    accessLogFlushInterval: duration(1),
    flushAccessLogOnNewRequest: bool(2),
    flushLogOnTunnelSuccessfullyEstablished: bool(3),
  },
);
export type HcmAccessLogOptions = Infer<typeof HcmAccessLogOptions>;

export const InternalAddressConfig = message(
  "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.InternalAddressConfig",
  {
    unixSockets: bool(1),
    cidrRanges: repeated(of(2, CidrRange)),
  },
);
export type InternalAddressConfig = Infer<typeof InternalAddressConfig>;

export const ForwardClientCertDetails = enumeration(
  "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.ForwardClientCertDetails",
  { SANITIZE: 0, FORWARD_ONLY: 1, APPEND_FORWARD: 2, SANITIZE_SET: 3, ALWAYS_FORWARD_ONLY: 4 },
);
export type ForwardClientCertDetails = Infer<typeof ForwardClientCertDetails>;

export const SetCurrentClientCertDetails = message(
  "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.SetCurrentClientCertDetails",
  {
    subject: boolValue(1),
    cert: bool(3),
    dns: bool(4),
    uri: bool(5),
    chain: bool(6),
  },
);
export type SetCurrentClientCertDetails = Infer<typeof SetCurrentClientCertDetails>;

export const HttpConnectionManagerUpgradeConfig = message(
  "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.UpgradeConfig",
  {
    upgradeType: string(1),
    filters: repeated(of(2, HttpFilter)),
    enabled: boolValue(3),
  },
);
export type HttpConnectionManagerUpgradeConfig = Infer<typeof HttpConnectionManagerUpgradeConfig>;

export const PathWithEscapedSlashesAction = enumeration(
  "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.PathWithEscapedSlashesAction",
  {
    IMPLEMENTATION_SPECIFIC_DEFAULT: 0,
    KEEP_UNCHANGED: 1,
    REJECT_REQUEST: 2,
    UNESCAPE_AND_REDIRECT: 3,
    UNESCAPE_AND_FORWARD: 4,
  },
);
export type PathWithEscapedSlashesAction = Infer<typeof PathWithEscapedSlashesAction>;

export const RequestIDExtension = message(
  "envoy.extensions.filters.network.http_connection_manager.v3.RequestIDExtension",
  {
    typedConfig: any(1),
  },
);
export type RequestIDExtension = Infer<typeof RequestIDExtension>;

export const ResponseMapper = message("envoy.extensions.filters.network.http_connection_manager.v3.ResponseMapper", {
  filter: of(1, AccessLogFilter),
  statusCode: uint32Value(2),
  body: of(3, DataSource),
  bodyFormatOverride: of(4, SubstitutionFormatString),
  headersToAdd: repeated(of(5, HeaderValueOption)),
});
export type ResponseMapper = Infer<typeof ResponseMapper>;

export const LocalReplyConfig = message(
  "envoy.extensions.filters.network.http_connection_manager.v3.LocalReplyConfig",
  {
    mappers: repeated(of(1, ResponseMapper)),
    bodyFormat: of(2, SubstitutionFormatString),
  },
);
export type LocalReplyConfig = Infer<typeof LocalReplyConfig>;

export const PathNormalizationOptions = message(
  "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.PathNormalizationOptions",
  {
    forwardingTransformation: of(1, PathTransformation),
    httpFilterTransformation: of(2, PathTransformation),
  },
);
export type PathNormalizationOptions = Infer<typeof PathNormalizationOptions>;

export const ProxyStatusConfig = message(
  "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.ProxyStatusConfig",
  {
    removeDetails: bool(1),
    removeConnectionTerminationDetails: bool(2),
    removeResponseFlags: bool(3),
    setRecommendedResponseCode: bool(4),
    ...oneof("proxy_name", {
      useNodeId: bool(5),
      literalProxyName: string(6),
    }),
  },
);
export type ProxyStatusConfig = Infer<typeof ProxyStatusConfig>;

export const HttpConnectionManager = message(
  "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
  {
    codecType: of(1, CodecType),
    statPrefix: string(2),
    ...oneof("route_specifier", {
      rds: of(3, Rds),
      routeConfig: of(4, RouteConfiguration),
    }),
    httpFilters: repeated(of(5, HttpFilter)),
    addUserAgent: boolValue(6),
    tracing: of(7, HttpConnectionManagerTracing),
    httpProtocolOptions: of(8, Http1ProtocolOptions),
    http2ProtocolOptions: of(9, Http2ProtocolOptions),
    serverName: string(10),
    drainTimeout: duration(12),
    accessLog: repeated(of(13, AccessLog)),
    useRemoteAddress: boolValue(14),
    generateRequestId: boolValue(15),
    forwardClientCertDetails: of(16, ForwardClientCertDetails),
    setCurrentClientCertDetails: of(17, SetCurrentClientCertDetails),
    proxy100Continue: named("proxy_100_continue", bool(18)),
    xffNumTrustedHops: uint32(19),
    representIpv4RemoteAddressAsIpv4MappedIpv6: bool(20),
    skipXffAppend: bool(21),
    via: string(22),
    upgradeConfigs: repeated(of(23, HttpConnectionManagerUpgradeConfig)),
    streamIdleTimeout: duration(24),
    internalAddressConfig: of(25, InternalAddressConfig),
    delayedCloseTimeout: duration(26),
    requestTimeout: duration(28),
    maxRequestHeadersKb: uint32Value(29),
    normalizePath: boolValue(30),
    preserveExternalRequestId: bool(32),
    mergeSlashes: bool(33),
    serverHeaderTransformation: of(34, ServerHeaderTransformation),
    commonHttpProtocolOptions: of(35, HttpProtocolOptions),
    requestIdExtension: of(36, RequestIDExtension),
    alwaysSetRequestIdInResponse: bool(37),
    localReplyConfig: of(38, LocalReplyConfig),
    stripMatchingHostPort: bool(39),
    streamErrorOnInvalidHttpMessage: boolValue(40),
    requestHeadersTimeout: duration(41),
    ...oneof("strip_port_mode", {
      stripAnyHostPort: bool(42),
    }),
    pathNormalizationOptions: of(43, PathNormalizationOptions),
    http3ProtocolOptions: of(44, Http3ProtocolOptions),
    pathWithEscapedSlashesAction: of(45, PathWithEscapedSlashesAction),
    originalIpDetectionExtensions: repeated(of(46, TypedExtensionConfig)),
    stripTrailingHostDot: bool(47),
    schemeHeaderTransformation: of(48, SchemeHeaderTransformation),
    proxyStatusConfig: of(49, ProxyStatusConfig),
    typedHeaderValidationConfig: of(50, TypedExtensionConfig),
    appendXForwardedPort: bool(51),
    earlyHeaderMutationExtensions: repeated(of(52, TypedExtensionConfig)),
    addProxyProtocolConnectionState: boolValue(53),
    accessLogOptions: of(56, HcmAccessLogOptions),
    appendLocalOverload: bool(57),
  },
);
export type HttpConnectionManager = Infer<typeof HttpConnectionManager>;

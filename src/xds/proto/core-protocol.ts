/**
 * `envoy.config.core.v3`: options of HTTP/1, HTTP/2 and HTTP/3, and of the PROXY protocol.
 *
 * @module
 */
import { enumeration } from "../types/enumeration.ts";
import { named, of, oneof } from "../types/field.ts";
import { repeated } from "../types/list-field.ts";
import { type Infer, message } from "../types/message.ts";
import { bool, boolValue, string, uint32, uint32Value } from "../types/scalars.ts";
import { duration } from "../types/time.ts";
import { TypedExtensionConfig } from "./core-base.ts";
import { Percent } from "./type.ts";

export const QuicKeepAliveSettings = message("envoy.config.core.v3.QuicKeepAliveSettings", {
  maxInterval: duration(1),
  initialInterval: duration(2),
});
export type QuicKeepAliveSettings = Infer<typeof QuicKeepAliveSettings>;

export const QuicProtocolOptions = message("envoy.config.core.v3.QuicProtocolOptions", {
  maxConcurrentStreams: uint32Value(1),
  initialStreamWindowSize: uint32Value(2),
  initialConnectionWindowSize: uint32Value(3),
  numTimeoutsToTriggerPortMigration: uint32Value(4),
  connectionKeepalive: of(5, QuicKeepAliveSettings),
  connectionOptions: string(6),
  clientConnectionOptions: string(7),
  idleNetworkTimeout: duration(8),
});
export type QuicProtocolOptions = Infer<typeof QuicProtocolOptions>;

export const UpstreamHttpProtocolOptions = message("envoy.config.core.v3.UpstreamHttpProtocolOptions", {
  autoSni: bool(1),
  autoSanValidation: bool(2),
  overrideAutoSniHeader: string(3),
});
export type UpstreamHttpProtocolOptions = Infer<typeof UpstreamHttpProtocolOptions>;

export const HeadersWithUnderscoresAction = enumeration(
  "envoy.config.core.v3.HttpProtocolOptions.HeadersWithUnderscoresAction",
  { ALLOW: 0, REJECT_REQUEST: 1, DROP_HEADER: 2 },
);
export type HeadersWithUnderscoresAction = Infer<typeof HeadersWithUnderscoresAction>;

export const HttpProtocolOptions = message("envoy.config.core.v3.HttpProtocolOptions", {
  idleTimeout: duration(1),
  maxHeadersCount: uint32Value(2),
  maxConnectionDuration: duration(3),
  maxStreamDuration: duration(4),
  headersWithUnderscoresAction: of(5, HeadersWithUnderscoresAction),
  maxRequestsPerConnection: uint32Value(6),
});
export type HttpProtocolOptions = Infer<typeof HttpProtocolOptions>;

export const ProperCaseWords = message("envoy.config.core.v3.Http1ProtocolOptions.HeaderKeyFormat.ProperCaseWords", {});
export type ProperCaseWords = Infer<typeof ProperCaseWords>;

export const HeaderKeyFormat = message("envoy.config.core.v3.Http1ProtocolOptions.HeaderKeyFormat", {
  ...oneof("header_format", {
    properCaseWords: of(1, ProperCaseWords),
    statefulFormatter: of(8, TypedExtensionConfig),
  }),
});
export type HeaderKeyFormat = Infer<typeof HeaderKeyFormat>;

export const Http1ProtocolOptions = message("envoy.config.core.v3.Http1ProtocolOptions", {
  allowAbsoluteUrl: boolValue(1),
  acceptHttp10: named("accept_http_10", bool(2)),
  defaultHostForHttp10: named("default_host_for_http_10", string(3)),
  headerKeyFormat: of(4, HeaderKeyFormat),
  enableTrailers: bool(5),
  allowChunkedLength: bool(6),
  overrideStreamErrorOnInvalidHttpMessage: boolValue(7),
  sendFullyQualifiedUrl: bool(8),
  useBalsaParser: boolValue(9),
  allowCustomMethods: bool(10),
});
export type Http1ProtocolOptions = Infer<typeof Http1ProtocolOptions>;

export const KeepaliveSettings = message("envoy.config.core.v3.KeepaliveSettings", {
  interval: duration(1),
  timeout: duration(2),
  intervalJitter: of(3, Percent),
  connectionIdleInterval: duration(4),
});
export type KeepaliveSettings = Infer<typeof KeepaliveSettings>;

export const SettingsParameter = message("envoy.config.core.v3.Http2ProtocolOptions.SettingsParameter", {
  identifier: uint32Value(1),
  value: uint32Value(2),
});
export type SettingsParameter = Infer<typeof SettingsParameter>;

export const Http2ProtocolOptions = message("envoy.config.core.v3.Http2ProtocolOptions", {
  hpackTableSize: uint32Value(1),
  maxConcurrentStreams: uint32Value(2),
  initialStreamWindowSize: uint32Value(3),
  initialConnectionWindowSize: uint32Value(4),
  allowConnect: bool(5),
  allowMetadata: bool(6),
  maxOutboundFrames: uint32Value(7),
  maxOutboundControlFrames: uint32Value(8),
  maxConsecutiveInboundFramesWithEmptyPayload: uint32Value(9),
  maxInboundPriorityFramesPerStream: uint32Value(10),
  maxInboundWindowUpdateFramesPerDataFrameSent: uint32Value(11),
  streamErrorOnInvalidHttpMessaging: bool(12),
  customSettingsParameters: repeated(of(13, SettingsParameter)),
  overrideStreamErrorOnInvalidHttpMessage: boolValue(14),
  connectionKeepalive: of(15, KeepaliveSettings),
  useOghttp2Codec: boolValue(16),
});
export type Http2ProtocolOptions = Infer<typeof Http2ProtocolOptions>;

export const Http3ProtocolOptions = message("envoy.config.core.v3.Http3ProtocolOptions", {
  quicProtocolOptions: of(1, QuicProtocolOptions),
  overrideStreamErrorOnInvalidHttpMessage: boolValue(2),
  allowExtendedConnect: bool(5),
  allowMetadata: bool(6),
});
export type Http3ProtocolOptions = Infer<typeof Http3ProtocolOptions>;

export const SchemeHeaderTransformation = message("envoy.config.core.v3.SchemeHeaderTransformation", {
  ...oneof("transformation", {
    schemeToOverwrite: string(1),
  }),
  matchUpstream: bool(2),
});
export type SchemeHeaderTransformation = Infer<typeof SchemeHeaderTransformation>;

export const ProxyProtocolPassThroughTLVsPassTLVsMatchType = enumeration(
  "envoy.config.core.v3.ProxyProtocolPassThroughTLVs.PassTLVsMatchType",
  { INCLUDE_ALL: 0, INCLUDE: 1 },
);
export type ProxyProtocolPassThroughTLVsPassTLVsMatchType = Infer<typeof ProxyProtocolPassThroughTLVsPassTLVsMatchType>;

export const ProxyProtocolPassThroughTLVs = message("envoy.config.core.v3.ProxyProtocolPassThroughTLVs", {
  matchType: of(1, ProxyProtocolPassThroughTLVsPassTLVsMatchType),
  tlvType: repeated(uint32(2)),
});
export type ProxyProtocolPassThroughTLVs = Infer<typeof ProxyProtocolPassThroughTLVs>;

export const ProxyProtocolConfigVersion = enumeration("envoy.config.core.v3.ProxyProtocolConfig.Version", {
  V1: 0,
  V2: 1,
});
export type ProxyProtocolConfigVersion = Infer<typeof ProxyProtocolConfigVersion>;

export const ProxyProtocolConfig = message("envoy.config.core.v3.ProxyProtocolConfig", {
  version: of(1, ProxyProtocolConfigVersion),
  passThroughTlvs: of(2, ProxyProtocolPassThroughTLVs),
});
export type ProxyProtocolConfig = Infer<typeof ProxyProtocolConfig>;

/**
 * Fields of the connection manager that are supported, or that change nothing here. All others are refused.
 *
 * @module
 */
export const KNOWN_HCM: ReadonlySet<string> = new Set([
  "codecType",
  "statPrefix",
  "rds",
  "routeConfig",
  "httpFilters",
  "tracing",
  "httpProtocolOptions",
  "http2ProtocolOptions",
  "serverName",
  "drainTimeout",
  "accessLog",
  "useRemoteAddress",
  "generateRequestId",
  "forwardClientCertDetails",
  "setCurrentClientCertDetails",
  "proxy100Continue",
  "xffNumTrustedHops",
  "skipXffAppend",
  "via",
  "upgradeConfigs",
  "streamIdleTimeout",
  "internalAddressConfig",
  "delayedCloseTimeout",
  "requestTimeout",
  "maxRequestHeadersKb",
  "normalizePath",
  "preserveExternalRequestId",
  "mergeSlashes",
  "serverHeaderTransformation",
  "commonHttpProtocolOptions",
  "alwaysSetRequestIdInResponse",
  "stripMatchingHostPort",
  // HTTP/1 connections end with such a message either way.
  "streamErrorOnInvalidHttpMessage",
  "requestHeadersTimeout",
  "stripAnyHostPort",
  "pathWithEscapedSlashesAction",
  "stripTrailingHostDot",
  "appendXForwardedPort",
]);

export const KNOWN_COMMON: ReadonlySet<string> = new Set([
  "idleTimeout",
  "maxHeadersCount",
  "maxConnectionDuration",
  "maxStreamDuration",
  "headersWithUnderscoresAction",
  "maxRequestsPerConnection",
]);

export const KNOWN_HTTP1: ReadonlySet<string> = new Set([
  "allowAbsoluteUrl",
  "acceptHttp10",
  "defaultHostForHttp10",
  "enableTrailers",
  "overrideStreamErrorOnInvalidHttpMessage",
  "useBalsaParser",
]);

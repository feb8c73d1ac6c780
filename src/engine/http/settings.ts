/**
 * What a connection manager says besides routes and filters, with Envoy's defaults filled in.
 *
 * Units: durations are milliseconds; 0 turns a timeout off.
 *
 * Source: `HttpConnectionManager` and `HttpProtocolOptions`.
 *
 * @module
 */
import type { HttpConnectionManager } from "../../xds/proto/http-connection-manager.ts";
import { CompileError, fieldPath, refuseOthers } from "../compile-error.ts";
import { compileNormalization, type PathNormalizer } from "../path-normalization.ts";
import type { PeerView, RequestView } from "../request.ts";
import { compileHttp2, type Http2Settings } from "../http2-settings.ts";
import { authorityNormalizer } from "./authority.ts";
import { KNOWN_COMMON, KNOWN_HCM, KNOWN_HTTP1 } from "./known-fields.ts";
import { compileUpgrades, type UpgradeTypes } from "./upgrades.ts";
import { forwardedProtoOf, internalTest, remoteAddressOf } from "./trusted-client.ts";

export interface HttpSettings {
  readonly statPrefix: string;
  readonly codecType: NonNullable<HttpConnectionManager["codecType"]>;
  /** The name to subscribe to; undefined when the routes are in the message. */
  readonly routeConfigName: string | undefined;
  readonly serverName: string;
  readonly serverHeaderTransformation: NonNullable<HttpConnectionManager["serverHeaderTransformation"]>;
  readonly maxRequestHeadersBytes: number;
  readonly maxHeadersCount: number;
  /** For the whole request to arrive. @default 0 */
  readonly requestTimeoutMs: number;
  readonly requestHeadersTimeoutMs: number;
  readonly streamIdleTimeoutMs: number;
  /** For a connection without requests. */
  readonly idleTimeoutMs: number;
  readonly maxConnectionDurationMs: number;
  readonly maxStreamDurationMs: number;
  /** 0: no limit. */
  readonly maxRequestsPerConnection: number;
  /** HTTP/2: from GOAWAY to the end of a connection without streams, for one that was on its way. @default 1000 Envoy: 5000 */
  readonly drainTimeoutMs: number;
  /** How long a client may take to close behind the last answer; 0: it is closed at once. */
  readonly delayedCloseTimeoutMs: number;
  readonly headersWithUnderscores: "ALLOW" | "REJECT_REQUEST" | "DROP_HEADER";
  readonly generateRequestId: boolean;
  readonly preserveExternalRequestId: boolean;
  readonly alwaysSetRequestIdInResponse: boolean;
  readonly useRemoteAddress: boolean;
  readonly xffNumTrustedHops: number;
  readonly skipXffAppend: boolean;
  readonly appendXForwardedPort: boolean;
  readonly forwardClientCertDetails: NonNullable<HttpConnectionManager["forwardClientCertDetails"]>;
  readonly setCurrentClientCertDetails: NonNullable<HttpConnectionManager["setCurrentClientCertDetails"]>;
  readonly via: string;
  readonly proxy100Continue: boolean;
  readonly acceptHttp10: boolean;
  readonly defaultHostForHttp10: string;
  readonly allowAbsoluteUrl: boolean;
  /** Trailers of HTTP/1.1 clients pass, and pass to them. */
  readonly enableTrailers: boolean;
  readonly upgrades: UpgradeTypes;
  readonly http2: Http2Settings;
  readonly tracing: HttpConnectionManager["tracing"];
  readonly normalizePath: PathNormalizer;
  readonly normalizeAuthority: ((authority: string, localPort: number) => string) | undefined;
  /** The client's address, as far as the settings trust `x-forwarded-for`. */
  readonly remoteAddressOf: (request: RequestView, peer: PeerView) => string;
  readonly forwardedProtoOf: (request: RequestView, peer: PeerView) => string;
  /** The client may ask for time and retries by headers. Undefined: none may. */
  readonly isInternal: ((request: RequestView, peer: PeerView) => boolean) | undefined;
}

const MINUTE_MS = 60_000;
const ESCAPED_SLASHES = {
  IMPLEMENTATION_SPECIFIC_DEFAULT: "keep",
  KEEP_UNCHANGED: "keep",
  REJECT_REQUEST: "reject",
  UNESCAPE_AND_REDIRECT: "redirect",
  UNESCAPE_AND_FORWARD: "forward",
} as const;

/** @throws {CompileError} */
export function compileSettings(hcm: HttpConnectionManager, path: string): HttpSettings {
  refuseOthers(hcm, path, KNOWN_HCM);
  if ((hcm.statPrefix ?? "") === "") throw new CompileError(fieldPath(path, "statPrefix"), "must not be empty");
  if (hcm.codecType === "HTTP3") throw new CompileError(fieldPath(path, "codecType"), "HTTP3 is not supported");
  return { ...limits(hcm, path), ...identity(hcm, path), ...protocol(hcm, path), ...names(hcm) };
}

function names(hcm: HttpConnectionManager) {
  return {
    statPrefix: hcm.statPrefix ?? "",
    codecType: hcm.codecType ?? "AUTO",
    routeConfigName: hcm.routeConfig === undefined ? hcm.rds?.routeConfigName : undefined,
    serverName: hcm.serverName || "envoy",
    serverHeaderTransformation: hcm.serverHeaderTransformation ?? "OVERWRITE",
    via: hcm.via ?? "",
    tracing: hcm.tracing,
  } as const;
}

function limits(hcm: HttpConnectionManager, path: string) {
  const common = hcm.commonHttpProtocolOptions ?? {};
  refuseOthers(common, fieldPath(path, "commonHttpProtocolOptions"), KNOWN_COMMON);
  return {
    maxRequestHeadersBytes: (hcm.maxRequestHeadersKb ?? 60) * 1024,
    maxHeadersCount: common.maxHeadersCount ?? 100,
    requestTimeoutMs: hcm.requestTimeout ?? 0,
    requestHeadersTimeoutMs: hcm.requestHeadersTimeout ?? 0,
    streamIdleTimeoutMs: hcm.streamIdleTimeout ?? 5 * MINUTE_MS,
    idleTimeoutMs: common.idleTimeout ?? 60 * MINUTE_MS,
    maxConnectionDurationMs: common.maxConnectionDuration ?? 0,
    maxStreamDurationMs: common.maxStreamDuration ?? 0,
    maxRequestsPerConnection: common.maxRequestsPerConnection ?? 0,
    headersWithUnderscores: common.headersWithUnderscoresAction ?? "ALLOW",
    drainTimeoutMs: hcm.drainTimeout ?? 1000,
    delayedCloseTimeoutMs: hcm.delayedCloseTimeout ?? 1000,
  } as const;
}

function identity(hcm: HttpConnectionManager, path: string) {
  const useRemoteAddress = hcm.useRemoteAddress ?? false;
  const xffNumTrustedHops = hcm.xffNumTrustedHops ?? 0;
  return {
    useRemoteAddress,
    xffNumTrustedHops,
    remoteAddressOf: remoteAddressOf(useRemoteAddress, xffNumTrustedHops),
    forwardedProtoOf: forwardedProtoOf(useRemoteAddress && xffNumTrustedHops === 0),
    isInternal: internalTest(hcm.internalAddressConfig, useRemoteAddress, fieldPath(path, "internalAddressConfig")),
    skipXffAppend: hcm.skipXffAppend ?? false,
    appendXForwardedPort: hcm.appendXForwardedPort ?? false,
    generateRequestId: hcm.generateRequestId ?? true,
    preserveExternalRequestId: hcm.preserveExternalRequestId ?? false,
    alwaysSetRequestIdInResponse: hcm.alwaysSetRequestIdInResponse ?? false,
    forwardClientCertDetails: hcm.forwardClientCertDetails ?? "SANITIZE",
    setCurrentClientCertDetails: hcm.setCurrentClientCertDetails ?? {},
  } as const;
}

function protocol(hcm: HttpConnectionManager, path: string) {
  const http1 = hcm.httpProtocolOptions ?? {};
  refuseOthers(http1, fieldPath(path, "httpProtocolOptions"), KNOWN_HTTP1);
  return {
    proxy100Continue: hcm.proxy100Continue ?? false,
    acceptHttp10: http1.acceptHttp10 ?? false,
    defaultHostForHttp10: http1.defaultHostForHttp10 ?? "",
    allowAbsoluteUrl: http1.allowAbsoluteUrl ?? true,
    enableTrailers: http1.enableTrailers ?? false,
    upgrades: compileUpgrades(hcm.upgradeConfigs, fieldPath(path, "upgradeConfigs")),
    http2: compileHttp2(hcm.http2ProtocolOptions, fieldPath(path, "http2ProtocolOptions")),
    normalizePath: compileNormalization({
      normalizePath: hcm.normalizePath ?? false,
      mergeSlashes: hcm.mergeSlashes ?? false,
      escapedSlashes: ESCAPED_SLASHES[hcm.pathWithEscapedSlashesAction ?? "KEEP_UNCHANGED"],
    }),
    normalizeAuthority: authorityNormalizer(hcm),
  } as const;
}

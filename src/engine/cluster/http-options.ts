/**
 * The HTTP options of a cluster: protocol, and how long its connections live.
 *
 * Source: `envoy.extensions.upstreams.http.v3.HttpProtocolOptions`, and the deprecated fields of `Cluster` that it took
 * over from, which count only where it is not given.
 *
 * @module
 */
import { compileErrors, type IsError } from "./outlier-errors.ts";
import type { Cluster } from "../../xds/proto/cluster.ts";
import type { Http1ProtocolOptions, HttpProtocolOptions } from "../../xds/proto/core-protocol.ts";
import { UpstreamHttpOptions } from "../../xds/proto/upstream-http.ts";
import { CompileError, fieldPath, refuseOthers, unpackAt } from "../compile-error.ts";
import { compileHttp2, type Http2Settings } from "../http2-settings.ts";

export interface ClusterHttp {
  /** `useDownstream`: what the client speaks. `auto`: what TLS settles on. */
  readonly protocol: "http1" | "http2" | "useDownstream" | "auto";
  /** For connections that speak it. */
  readonly http2: Http2Settings;
  /** For those that speak HTTP/1.1: trailers pass both ways. */
  readonly enableTrailers: boolean;
  /** 0: no limit. */
  readonly maxRequestsPerConnection: number;
  /** Infinity: for ever. */
  readonly idleTimeoutMs: number;
  /** How old a connection may get; Infinity: any age. */
  readonly maxConnectionDurationMs: number;
  /** What each request's host says of the server behind TLS; undefined: nothing, the TLS context has it all. */
  readonly serverByHost: ServerByHost | undefined;
  /** Which answers count against an endpoint; undefined: those from 500 on. */
  readonly isError: IsError | undefined;
}

/** Source: `auto_sni` and `auto_san_validation` of `UpstreamHttpProtocolOptions`. */
export interface ServerByHost {
  /** The name to ask for. */
  readonly sni: boolean;
  /** The name that its certificate must have, besides what the TLS context asks. */
  readonly san: boolean;
}

const HTTP_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
const OPTIONS_PATH = `typed_extension_protocol_options["${HTTP_OPTIONS}"]`;
const HOUR_MS = 3_600_000;
const OPTIONS = new Set([
  "commonHttpProtocolOptions",
  "upstreamHttpProtocolOptions",
  "explicitHttpConfig",
  "useDownstreamProtocolConfig",
  "autoConfig",
  "outlierDetection",
]);
const COMMON = new Set(["idleTimeout", "maxRequestsPerConnection", "maxConnectionDuration"]);
const EXPLICIT = new Set(["httpProtocolOptions", "http2ProtocolOptions"]);
const SEVERAL = new Set(["httpProtocolOptions", "http2ProtocolOptions"]);
const BY_HOST = new Set(["autoSni", "autoSanValidation"]);
/** Besides trailers, what concerns servers alone. */
const HTTP1 = new Set([
  "enableTrailers",
  "allowAbsoluteUrl",
  "acceptHttp10",
  "defaultHostForHttp10",
  "overrideStreamErrorOnInvalidHttpMessage",
  "useBalsaParser",
]);

type ProtocolSettings = Pick<ClusterHttp, "protocol" | "http2" | "enableTrailers">;

/** @throws CompileError for what is wrong or not supported. */
export function compileClusterHttp(cluster: Cluster): ClusterHttp {
  const { [HTTP_OPTIONS]: any, ...others } = cluster.typedExtensionProtocolOptions ?? {};
  const [other] = Object.keys(others);
  if (other !== undefined)
    throw new CompileError("typed_extension_protocol_options", `${other} is not supported yet; remove it`);
  if (any === undefined) return deprecatedOptions(cluster);
  const options = unpackAt(any, UpstreamHttpOptions, OPTIONS_PATH);
  refuseOthers(options, OPTIONS_PATH, OPTIONS);
  refuseOthers(options.explicitHttpConfig ?? {}, `${OPTIONS_PATH}.explicit_http_config`, EXPLICIT);
  const lives = livesOf(options.commonHttpProtocolOptions, `${OPTIONS_PATH}.common_http_protocol_options`, cluster);
  return {
    ...protocolOf(options),
    ...lives,
    serverByHost: serverByHost(options.upstreamHttpProtocolOptions),
    isError: compileErrors(options.outlierDetection, `${OPTIONS_PATH}.outlier_detection`),
  };
}

function serverByHost(options: UpstreamHttpOptions["upstreamHttpProtocolOptions"]): ServerByHost | undefined {
  const { autoSni: sni = false, autoSanValidation: san = false } = options ?? {};
  refuseOthers(options ?? {}, `${OPTIONS_PATH}.upstream_http_protocol_options`, BY_HOST);
  return sni || san ? { sni, san } : undefined;
}

/** One protocol, or two with the options of each. */
function protocolOf(options: UpstreamHttpOptions): ProtocolSettings {
  const { autoConfig, explicitHttpConfig, useDownstreamProtocolConfig } = options;
  const several = useDownstreamProtocolConfig ?? autoConfig;
  const field = useDownstreamProtocolConfig === undefined ? "autoConfig" : "useDownstreamProtocolConfig";
  if (several === undefined) {
    return oneProtocol(explicitHttpConfig ?? {}, `${OPTIONS_PATH}.explicit_http_config.`);
  }
  const path = fieldPath(OPTIONS_PATH, field);
  refuseOthers(several, path, SEVERAL);
  const http2 = compileHttp2(several.http2ProtocolOptions, `${path}.http2_protocol_options`);
  const enableTrailers = trailersOf(several.httpProtocolOptions, `${path}.http_protocol_options`);
  return { protocol: useDownstreamProtocolConfig === undefined ? "auto" : "useDownstream", http2, enableTrailers };
}

/** @param prefix Of the fields' paths. */
function oneProtocol(
  { httpProtocolOptions, http2ProtocolOptions }: Pick<Cluster, "httpProtocolOptions" | "http2ProtocolOptions">,
  prefix: string,
): ProtocolSettings {
  return {
    protocol: http2ProtocolOptions === undefined ? "http1" : "http2",
    http2: compileHttp2(http2ProtocolOptions, `${prefix}http2_protocol_options`),
    enableTrailers: trailersOf(httpProtocolOptions, `${prefix}http_protocol_options`),
  };
}

function trailersOf(http1: Http1ProtocolOptions | undefined, path: string): boolean {
  refuseOthers(http1 ?? {}, path, HTTP1);
  return http1?.enableTrailers ?? false;
}

function deprecatedOptions(cluster: Cluster): ClusterHttp {
  const lives = livesOf(cluster.commonHttpProtocolOptions, "common_http_protocol_options", cluster);
  return { ...oneProtocol(cluster, ""), ...lives, serverByHost: undefined, isError: undefined };
}

function livesOf(common: HttpProtocolOptions | undefined, path: string, { maxRequestsPerConnection = 0 }: Cluster) {
  refuseOthers(common ?? {}, path, COMMON);
  const idleTimeoutMs = common?.idleTimeout ?? HOUR_MS;
  return {
    maxRequestsPerConnection: common?.maxRequestsPerConnection ?? maxRequestsPerConnection,
    idleTimeoutMs: idleTimeoutMs === 0 ? Infinity : idleTimeoutMs,
    maxConnectionDurationMs: common?.maxConnectionDuration || Infinity,
  };
}

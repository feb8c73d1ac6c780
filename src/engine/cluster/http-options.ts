/**
 * The HTTP options of a cluster: protocol, and how long its connections live.
 *
 * Source: `envoy.extensions.upstreams.http.v3.HttpProtocolOptions`, and the deprecated fields of `Cluster` that it took
 * over from, which count only where it is not given.
 *
 * @module
 */
import type { Cluster } from "../../xds/proto/cluster.ts";
import type { HttpProtocolOptions } from "../../xds/proto/core-protocol.ts";
import { UpstreamHttpOptions } from "../../xds/proto/upstream-http.ts";
import { CompileError, refuseOthers, unpackAt } from "../compile-error.ts";

export interface ClusterHttp {
  readonly protocol: "http1" | "http2" | "useDownstream";
  /** 0: no limit. */
  readonly maxRequestsPerConnection: number;
  /** Infinity: for ever. */
  readonly idleTimeoutMs: number;
}

const HTTP_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
const OPTIONS_PATH = `typed_extension_protocol_options["${HTTP_OPTIONS}"]`;
const HOUR_MS = 3_600_000;
const OPTIONS = new Set([
  "commonHttpProtocolOptions",
  "upstreamHttpProtocolOptions",
  "explicitHttpConfig",
  "useDownstreamProtocolConfig",
]);
const COMMON = new Set(["idleTimeout", "maxRequestsPerConnection"]);
const EXPLICIT = new Set(["httpProtocolOptions", "http2ProtocolOptions"]);
const NONE = new Set<string>();

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
  // The name to ask for and to check would follow each request's host.
  refuseOthers(
    options.upstreamHttpProtocolOptions ?? {},
    `${OPTIONS_PATH}.upstream_http_protocol_options`,
    NONE,
    "name the server in the TLS context's sni and match_typed_subject_alt_names",
  );
  const lives = livesOf(options.commonHttpProtocolOptions, `${OPTIONS_PATH}.common_http_protocol_options`, cluster);
  if (options.useDownstreamProtocolConfig !== undefined) return { protocol: "useDownstream", ...lives };
  const http2 = options.explicitHttpConfig?.http2ProtocolOptions !== undefined;
  return { protocol: http2 ? "http2" : "http1", ...lives };
}

function deprecatedOptions(cluster: Cluster): ClusterHttp {
  const lives = livesOf(cluster.commonHttpProtocolOptions, "common_http_protocol_options", cluster);
  return { protocol: cluster.http2ProtocolOptions === undefined ? "http1" : "http2", ...lives };
}

function livesOf(common: HttpProtocolOptions | undefined, path: string, { maxRequestsPerConnection = 0 }: Cluster) {
  refuseOthers(common ?? {}, path, COMMON);
  const idleTimeoutMs = common?.idleTimeout ?? HOUR_MS;
  return {
    maxRequestsPerConnection: common?.maxRequestsPerConnection ?? maxRequestsPerConnection,
    idleTimeoutMs: idleTimeoutMs === 0 ? Infinity : idleTimeoutMs,
  };
}

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
import { CompileError, fieldPath, refuseOthers, unpackAt } from "../compile-error.ts";
import { compileHttp2, type Http2Settings } from "../http2-settings.ts";

export interface ClusterHttp {
  /** `useDownstream`: what the client speaks. `auto`: what TLS settles on. */
  readonly protocol: "http1" | "http2" | "useDownstream" | "auto";
  /** For connections that speak it. */
  readonly http2: Http2Settings;
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
  "autoConfig",
]);
const COMMON = new Set(["idleTimeout", "maxRequestsPerConnection"]);
const EXPLICIT = new Set(["httpProtocolOptions", "http2ProtocolOptions"]);
const SEVERAL = new Set(["httpProtocolOptions", "http2ProtocolOptions"]);
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
  return { ...protocolOf(options), ...lives };
}

/** One protocol, or two with the options of each. */
function protocolOf(options: UpstreamHttpOptions): Pick<ClusterHttp, "protocol" | "http2"> {
  const { autoConfig, explicitHttpConfig, useDownstreamProtocolConfig } = options;
  const several = useDownstreamProtocolConfig ?? autoConfig;
  const field = useDownstreamProtocolConfig === undefined ? "autoConfig" : "useDownstreamProtocolConfig";
  if (several === undefined) {
    const { http2ProtocolOptions } = explicitHttpConfig ?? {};
    const http2 = compileHttp2(http2ProtocolOptions, `${OPTIONS_PATH}.explicit_http_config.http2_protocol_options`);
    return { protocol: http2ProtocolOptions === undefined ? "http1" : "http2", http2 };
  }
  const path = fieldPath(OPTIONS_PATH, field);
  refuseOthers(several, path, SEVERAL);
  const http2 = compileHttp2(several.http2ProtocolOptions, `${path}.http2_protocol_options`);
  return { protocol: useDownstreamProtocolConfig === undefined ? "auto" : "useDownstream", http2 };
}

function deprecatedOptions(cluster: Cluster): ClusterHttp {
  const lives = livesOf(cluster.commonHttpProtocolOptions, "common_http_protocol_options", cluster);
  const http2 = compileHttp2(cluster.http2ProtocolOptions, "http2_protocol_options");
  return { protocol: cluster.http2ProtocolOptions === undefined ? "http1" : "http2", http2, ...lives };
}

function livesOf(common: HttpProtocolOptions | undefined, path: string, { maxRequestsPerConnection = 0 }: Cluster) {
  refuseOthers(common ?? {}, path, COMMON);
  const idleTimeoutMs = common?.idleTimeout ?? HOUR_MS;
  return {
    maxRequestsPerConnection: common?.maxRequestsPerConnection ?? maxRequestsPerConnection,
    idleTimeoutMs: idleTimeoutMs === 0 ? Infinity : idleTimeoutMs,
  };
}

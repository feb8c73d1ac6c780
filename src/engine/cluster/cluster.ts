/**
 * Clusters, compiled: how endpoints are found, chosen, connected to and limited.
 *
 * Source: `envoy/config/cluster/v3/cluster.proto`, defaults as there.
 *
 * @module
 */
import type { Cluster } from "../../xds/proto/cluster.ts";
import type { Metadata } from "../../xds/proto/core-base.ts";
import type { HttpProtocolOptions } from "../../xds/proto/core-protocol.ts";
import type { ClusterLoadAssignment } from "../../xds/proto/endpoint.ts";
import { UpstreamHttpOptions } from "../../xds/proto/upstream-http.ts";
import type { JsonValue } from "../../xds/types/struct.ts";
import { CompileError, refuseOthers, unpackAt } from "../compile-error.ts";
import { compileUpstreamTls, type UpstreamTls } from "../tls.ts";
import type { BalancerPolicy } from "./balancer.ts";
import type { Endpoint } from "./endpoint.ts";
import { compileAssignment } from "./endpoints.ts";
import { type ClusterLimits, compileLimits } from "./limits.ts";
import { compileOutlier, type OutlierSettings } from "./outlier-settings.ts";

export interface CompiledCluster {
  readonly name: string;
  readonly type: "STATIC" | "EDS";
  /** Name of the assignment to subscribe to. */
  readonly edsServiceName: string;
  readonly connectTimeoutMs: number;
  readonly balancer: BalancerPolicy;
  readonly limits: ClusterLimits;
  readonly outlier: OutlierSettings | undefined;
  /** 0 to 100: below this share of healthy endpoints all are used. */
  readonly healthyPanicPercent: number;
  /** The TLS for an endpoint; undefined for plain text. */
  readonly tlsOf: (endpoint: Endpoint) => UpstreamTls | undefined;
  /** Any endpoint is called with TLS. */
  readonly usesTls: boolean;
  /** Names of the secrets that its TLS needs. */
  readonly secretNames: ReadonlySet<string>;
  readonly http: {
    readonly protocol: "http1" | "http2" | "useDownstream";
    /** 0: no limit. */
    readonly maxRequestsPerConnection: number;
    readonly idleTimeoutMs: number;
  };
  readonly staticEndpoints: ClusterLoadAssignment | undefined;
  readonly metadata: Metadata | undefined;
}

const HTTP_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
const HOUR_MS = 3_600_000;
const KNOWN = new Set([
  "name",
  "type",
  "edsClusterConfig",
  "connectTimeout",
  "perConnectionBufferLimitBytes",
  "lbPolicy",
  "maxRequestsPerConnection",
  "circuitBreakers",
  "http2ProtocolOptions",
  "httpProtocolOptions",
  "commonHttpProtocolOptions",
  "outlierDetection",
  "leastRequestLbConfig",
  "roundRobinLbConfig",
  "transportSocket",
  "transportSocketMatches",
  "metadata",
  "commonLbConfig",
  "altStatName",
  "loadAssignment",
  "typedExtensionProtocolOptions",
  "waitForWarmOnInit",
  "upstreamConnectionOptions",
  "respectDnsTtl",
  "dnsLookupFamily",
  "ignoreHealthOnHostRemoval",
  "closeConnectionsOnHostHealthFailure",
]);

/** @throws {CompileError} Naming the field that is wrong or not supported. */
export function compileCluster(cluster: Cluster): CompiledCluster {
  refuseOthers(cluster, "", KNOWN);
  const { name } = cluster;
  if (name === undefined || name === "") throw new CompileError("name", "must not be empty");
  const type = typeOf(cluster);
  const sockets = socketsOf(cluster);
  if (cluster.loadAssignment !== undefined) compileAssignment(cluster.loadAssignment, "load_assignment");
  return {
    name,
    type,
    edsServiceName: cluster.edsClusterConfig?.serviceName || name,
    connectTimeoutMs: cluster.connectTimeout ?? 5000,
    balancer: balancerOf(cluster),
    limits: compileLimits(cluster.circuitBreakers, "circuit_breakers"),
    outlier: compileOutlier(cluster.outlierDetection, "outlier_detection"),
    healthyPanicPercent:
      cluster.commonLbConfig?.healthyPanicThreshold?.value ??
      (cluster.commonLbConfig?.healthyPanicThreshold === undefined ? 50 : 0),
    tlsOf: sockets.tlsOf,
    usesTls: sockets.all.length > 0,
    secretNames: new Set(sockets.all.flatMap(secretsOf)),
    http: httpOf(cluster),
    staticEndpoints: type === "STATIC" ? (cluster.loadAssignment ?? { clusterName: name }) : undefined,
    metadata: cluster.metadata,
  };
}

function typeOf(cluster: Cluster): CompiledCluster["type"] {
  const type = cluster.type ?? "STATIC";
  if (type === "EDS" || type === "STATIC") return type;
  if (type === "STRICT_DNS" || type === "LOGICAL_DNS") {
    // An address that is an IP needs no name server.
    const addresses = (cluster.loadAssignment?.endpoints ?? []).flatMap((l) =>
      (l.lbEndpoints ?? []).map((e) => e.endpoint?.address?.socketAddress?.address ?? ""),
    );
    if (addresses.every((address) => /^[\d.]+$|:/.test(address) || address === "localhost")) return "STATIC";
  }
  throw new CompileError("type", `${type} is not supported yet: STATIC and EDS are`);
}

function balancerOf({ lbPolicy, leastRequestLbConfig }: Cluster): BalancerPolicy {
  switch (lbPolicy ?? "ROUND_ROBIN") {
    case "ROUND_ROBIN":
      return { t: "roundRobin" };
    case "RANDOM":
      return { t: "random" };
    case "LEAST_REQUEST": {
      const bias = leastRequestLbConfig?.activeRequestBias?.defaultValue ?? 1;
      return { t: "leastRequest", choiceCount: leastRequestLbConfig?.choiceCount ?? 2, activeRequestBias: bias };
    }
    default:
      throw new CompileError(
        "lb_policy",
        `${lbPolicy} is not supported yet: ROUND_ROBIN, LEAST_REQUEST and RANDOM are`,
      );
  }
}

interface Sockets {
  readonly all: readonly UpstreamTls[];
  readonly tlsOf: (endpoint: Endpoint) => UpstreamTls | undefined;
}

/** The first match whose labels an endpoint's `envoy.transport_socket_match` metadata carry, else the cluster's own socket. */
function socketsOf(cluster: Cluster): Sockets {
  const own = compileUpstreamTls(cluster.transportSocket, "transport_socket");
  const matches = (cluster.transportSocketMatches ?? []).map(({ match, transportSocket }, i) => ({
    wanted: Object.entries(match ?? {}),
    tls: compileUpstreamTls(transportSocket, `transport_socket_matches[${i}].transport_socket`),
  }));
  const all = [own, ...matches.map(({ tls }) => tls)].filter((tls) => tls !== undefined);
  if (matches.length === 0) return { all, tlsOf: () => own };
  const tlsOf = (endpoint: Endpoint): UpstreamTls | undefined => {
    const labels: Readonly<Record<string, JsonValue | undefined>> =
      endpoint.metadata?.filterMetadata?.["envoy.transport_socket_match"] ?? {};
    const found = matches.find(({ wanted }) => wanted.every(([key, value]) => labels[key] === value));
    return found === undefined ? own : found.tls;
  };
  return { all, tlsOf };
}

function secretsOf({ certificate, trust }: UpstreamTls): string[] {
  return [certificate, trust].flatMap((source) => (source?.t === "secret" ? [source.name] : []));
}

function httpOf(cluster: Cluster): CompiledCluster["http"] {
  const any = cluster.typedExtensionProtocolOptions?.[HTTP_OPTIONS];
  const options =
    any === undefined
      ? undefined
      : unpackAt(any, UpstreamHttpOptions, `typed_extension_protocol_options[${HTTP_OPTIONS}]`);
  const common: HttpProtocolOptions = options?.commonHttpProtocolOptions ?? cluster.commonHttpProtocolOptions ?? {};
  return {
    protocol: protocolOf(cluster, options),
    maxRequestsPerConnection: common.maxRequestsPerConnection ?? cluster.maxRequestsPerConnection ?? 0,
    idleTimeoutMs: common.idleTimeout ?? HOUR_MS,
  };
}

function protocolOf(cluster: Cluster, options: UpstreamHttpOptions | undefined): CompiledCluster["http"]["protocol"] {
  if (options?.useDownstreamProtocolConfig !== undefined) return "useDownstream";
  const http2 =
    options?.explicitHttpConfig?.http2ProtocolOptions !== undefined ||
    (options === undefined && cluster.http2ProtocolOptions !== undefined);
  return http2 ? "http2" : "http1";
}

/**
 * Clusters, compiled: how endpoints are found, chosen, connected to and limited.
 *
 * Source: `envoy/config/cluster/v3/cluster.proto`, defaults as there.
 *
 * @module
 */
import type { Cluster } from "../../xds/proto/cluster.ts";
import type { Metadata } from "../../xds/proto/core-base.ts";
import type { ClusterLoadAssignment } from "../../xds/proto/endpoint.ts";
import { CompileError, refuseOthers } from "../compile-error.ts";
import { discoveredSecrets, type UpstreamTls } from "../tls.ts";
import { type BalancerPolicy, hashes } from "./balancer.ts";
import { compileBalancing, compilePanicPercent } from "./balancer-policy.ts";
import type { Endpoint } from "./endpoint.ts";
import { compileAssignment } from "./endpoints.ts";
import { type ClusterHttp, compileClusterHttp } from "./http-options.ts";
import { type ClusterLimits, compileLimits } from "./limits.ts";
import { compileOutlier, type OutlierSettings } from "./outlier-settings.ts";
import { type CheckSettings, compileHealthCheck } from "../health/health-check.ts";
import { compileDynamic, compileNames, type DynamicHosts, isDynamic, isName, type NamedEndpoints } from "./names.ts";
import { callerIn, type LocalityMode } from "./localities.ts";
import { compileDialed, compileSource, type DialedHosts } from "./original-destination.ts";
import { compileTransport } from "./transport.ts";

export interface CompiledCluster {
  readonly name: string;
  readonly type: "STATIC" | "EDS" | "DNS" | "DYNAMIC" | "ORIGINAL_DST";
  /** Name of the assignment to subscribe to. */
  readonly edsServiceName: string;
  readonly connectTimeoutMs: number;
  /** How long a connection may be silent before the kernel asks whether the endpoint is there; undefined: it never does. */
  readonly keepAliveMs: number | undefined;
  readonly balancer: BalancerPolicy;
  readonly localities: LocalityMode | undefined;
  /** Who calls, where it is not whom the proxy stands for. */
  readonly caller: ReturnType<typeof callerIn>;
  /** In panic requests are refused. */
  readonly failOnPanic: boolean;
  readonly limits: ClusterLimits;
  readonly outlier: OutlierSettings | undefined;
  /** Its active health check. */
  readonly check: CheckSettings | undefined;
  /** Endpoints that are new are not counted before their first check. */
  readonly ignoresNewEndpoints: boolean;
  /** An endpoint leaves with the assignment, whatever checks say of it. */
  readonly dropsServing: boolean;
  /** 0 to 100: below this share of healthy endpoints all are used. */
  readonly healthyPanicPercent: number;
  /** The TLS for an endpoint; undefined for plain text. */
  readonly tlsOf: (endpoint: Endpoint) => UpstreamTls | undefined;
  /** The version of the PROXY protocol by which an endpoint is told of each client; undefined for none. */
  readonly proxyProtocolOf: (endpoint: Endpoint) => 1 | 2 | undefined;
  /** Any endpoint is. */
  readonly usesProxyProtocol: boolean;
  /** Any endpoint is called with TLS. */
  readonly usesTls: boolean;
  /** Names of the secrets that its TLS needs. */
  readonly secretNames: ReadonlySet<string>;
  /** Those of them that are asked for on the aggregated stream. */
  readonly discoveredSecrets: readonly string[];
  readonly http: ClusterHttp;
  readonly staticEndpoints: ClusterLoadAssignment | undefined;
  /** Of type DNS: endpoints, of which some have a name for an address. */
  readonly namedEndpoints: NamedEndpoints | undefined;
  /** Of type DYNAMIC: each request names its endpoint. */
  readonly dynamic: DynamicHosts | undefined;
  /** Of type ORIGINAL_DST: each connection brings its endpoint. */
  readonly dialed: DialedHosts | undefined;
  /** The address that endpoints are called from; undefined for any. */
  readonly localAddress: string | undefined;
  readonly metadata: Metadata | undefined;
}

const DEFAULT_CONNECT_TIMEOUT_MS = 5000;
/** Some say only how to do what is not done: resolve names. */
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
  "ringHashLbConfig",
  "maglevLbConfig",
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
  "dnsRefreshRate",
  "dnsFailureRefreshRate",
  "clusterType",
  "ignoreHealthOnHostRemoval",
  "healthChecks",
  "loadBalancingPolicy",
  "cleanupInterval",
  "originalDstLbConfig",
  "upstreamBindConfig",
]);

/** @throws {CompileError} Naming the field that is wrong or not supported. */
export function compileCluster(cluster: Cluster): CompiledCluster {
  refuseOthers(cluster, "", KNOWN);
  const { name } = cluster;
  if (name === undefined || name === "") throw new CompileError("name", "must not be empty");
  const type = typeOf(cluster);
  const transport = compileTransport(cluster);
  const balancing = compileBalancing(cluster);
  if (cluster.loadAssignment !== undefined) compileAssignment(cluster.loadAssignment, "load_assignment");
  const connectTimeoutMs = cluster.connectTimeout ?? DEFAULT_CONNECT_TIMEOUT_MS;
  if (connectTimeoutMs <= 0) throw new CompileError("connect_timeout", `must be above 0, found ${connectTimeoutMs} ms`);
  return {
    name,
    type,
    edsServiceName: cluster.edsClusterConfig?.serviceName || name,
    connectTimeoutMs,
    balancer: balancing.policy,
    // Tables have the weights of localities in them.
    localities: hashes(balancing.policy) ? undefined : balancing.localities,
    failOnPanic: balancing.failOnPanic,
    caller: callerIn(cluster.metadata),
    keepAliveMs: compileKeepAlive(cluster.upstreamConnectionOptions),
    limits: compileLimits(cluster.circuitBreakers, "circuit_breakers"),
    outlier: compileOutlier(cluster.outlierDetection, "outlier_detection"),
    check: compileHealthCheck(cluster),
    ignoresNewEndpoints: cluster.commonLbConfig?.ignoreNewHostsUntilFirstHc ?? false,
    dropsServing: cluster.ignoreHealthOnHostRemoval ?? false,
    healthyPanicPercent: compilePanicPercent(cluster),
    tlsOf: transport.tlsOf,
    proxyProtocolOf: transport.proxyProtocolOf,
    usesProxyProtocol: transport.usesProxyProtocol,
    usesTls: transport.all.length > 0,
    secretNames: new Set(transport.all.flatMap(secretsOf)),
    discoveredSecrets: discoveredSecrets(transport.all),
    http: compileClusterHttp(cluster),
    namedEndpoints: type === "DNS" ? compileNames(cluster) : undefined,
    dynamic: type === "DYNAMIC" ? compileDynamic(cluster) : undefined,
    dialed: type === "ORIGINAL_DST" ? compileDialed(cluster) : undefined,
    localAddress: compileSource(cluster),
    staticEndpoints: type === "STATIC" ? (cluster.loadAssignment ?? { clusterName: name }) : undefined,
    metadata: cluster.metadata,
  };
}

/** The kernel's own time is as good as any where none is given; probes and their interval are the kernel's in any case. */
const DEFAULT_KEEP_ALIVE_MS = 7_200_000;

function compileKeepAlive(options: Cluster["upstreamConnectionOptions"]): number | undefined {
  if (options?.tcpKeepalive === undefined) return undefined;
  const { keepaliveTime } = options.tcpKeepalive;
  return keepaliveTime === undefined ? DEFAULT_KEEP_ALIVE_MS : keepaliveTime * 1000;
}

function typeOf(cluster: Cluster): CompiledCluster["type"] {
  if (isDynamic(cluster)) return "DYNAMIC";
  const type = cluster.type ?? "STATIC";
  if (type === "STATIC" || (isResolved(type) && !namesAny(cluster))) return "STATIC";
  if (isResolved(type)) return "DNS";
  if (type !== "EDS") return "ORIGINAL_DST";
  const source = cluster.edsClusterConfig?.edsConfig;
  if (source === undefined) throw new CompileError("eds_cluster_config.eds_config", "must be there for type EDS");
  if (source.path !== undefined || source.pathConfigSource !== undefined)
    throw new CompileError("eds_cluster_config.eds_config", "endpoints from a file are not supported yet; use ads");
  return "EDS";
}

const isResolved = (type: string): boolean => type === "STRICT_DNS" || type === "LOGICAL_DNS";

/** An address that is an IP needs no name server. */
function namesAny({ loadAssignment }: Cluster): boolean {
  const endpoints = (loadAssignment?.endpoints ?? []).flatMap(({ lbEndpoints = [] }) => lbEndpoints);
  return endpoints.some(({ endpoint }) => {
    const address = endpoint?.address?.socketAddress?.address;
    return address !== undefined && isName(address);
  });
}

function secretsOf({ certificate, trust }: UpstreamTls): string[] {
  return [certificate, trust].flatMap((source) => (source?.t === "secret" ? [source.name] : []));
}

/**
 * Limits of a cluster: connection pool and outlier detection of a DestinationRule.
 *
 * Istio's defaults are not Envoy's: no limit where Envoy has 1024, a connect timeout of 10 s, no success-rate ejection, and a
 * panic threshold of 0 % (Envoy: 50 %), so that an ejected endpoint gets nothing even when all are ejected.
 *
 * @module
 */
import { unreachable } from "../base/unreachable.ts";
import type { ConnectionPool, OutlierDetection, RetryBudget } from "../model/destination-rule.ts";
import type { MeshSettings } from "../model/mesh.ts";
import type { Cluster } from "../xds/proto/cluster.ts";
import type { CircuitBreakers, OutlierDetection as EnvoyOutlierDetection } from "../xds/proto/cluster-health.ts";
import type { Http2ProtocolOptions, HttpProtocolOptions } from "../xds/proto/core-protocol.ts";
import { UpstreamHttpOptions } from "../xds/proto/upstream-http.ts";
import { pack } from "../xds/types/any.ts";

const NO_LIMIT = 2 ** 32 - 1;
const PROTOCOL_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";

export const connectTimeoutMs = (pool: ConnectionPool | undefined, settings: MeshSettings): number =>
  pool?.connectTimeoutMs ?? settings.connectTimeoutMs;

/** Options of upstream sockets; undefined where they are the system's. */
export function upstreamConnections(pool: ConnectionPool | undefined): Cluster["upstreamConnectionOptions"] {
  const asked = pool?.tcpKeepalive;
  if (asked === undefined) return undefined;
  const seconds = (ms: number | undefined): number | undefined => (ms === undefined ? undefined : Math.ceil(ms / 1000));
  const { intervalMs, probes, timeMs } = asked;
  return {
    tcpKeepalive: {
      keepaliveProbes: probes,
      keepaliveTime: seconds(timeMs),
      keepaliveInterval: seconds(intervalMs),
    },
  };
}

export function circuitBreakers(pool: ConnectionPool | undefined, budget: RetryBudget | undefined): CircuitBreakers {
  return {
    thresholds: [
      {
        maxConnections: pool?.maxConnections ?? NO_LIMIT,
        maxPendingRequests: pool?.http1MaxPendingRequests ?? NO_LIMIT,
        maxRequests: pool?.http2MaxRequests ?? NO_LIMIT,
        maxRetries: pool?.maxRetries ?? NO_LIMIT,
        retryBudget: budget && {
          budgetPercent: { value: budget.percent },
          minRetryConcurrency: budget.minRetryConcurrency,
          budgetInterval: budget.budgetIntervalMs === 0 ? undefined : budget.budgetIntervalMs,
        },
      },
    ],
  };
}

/** What HTTP goes on as; `client`: as it came from the client. */
export type UpstreamHttp = "http1" | "http2" | "client";

/** Options of upstream connections; undefined where HTTP/1.1 with Envoy's defaults is meant. */
export function protocolOptions(
  pool: ConnectionPool | undefined,
  http: UpstreamHttp,
  autoSni: UpstreamHttpOptions["upstreamHttpProtocolOptions"] = undefined,
  errorCodes: readonly number[] = [],
): Cluster["typedExtensionProtocolOptions"] {
  const common = commonOptions(pool);
  if (common === undefined && http === "http1" && autoSni === undefined && errorCodes.length === 0) return undefined;
  const options = {
    commonHttpProtocolOptions: common,
    upstreamHttpProtocolOptions: autoSni,
    ...versions(http, pool),
    outlierDetection: errorCodes.length === 0 ? undefined : errorsAre(errorCodes),
  };
  return { [PROTOCOL_OPTIONS]: pack(UpstreamHttpOptions, options) };
}

const errorsAre = (codes: readonly number[]): UpstreamHttpOptions["outlierDetection"] => ({
  errorMatcher: {
    httpResponseHeadersMatch: {
      headers: [{ name: ":status", stringMatch: { safeRegex: { regex: codes.join("|") } } }],
    },
  },
});

function versions(
  http: UpstreamHttp,
  pool: ConnectionPool | undefined,
): Pick<UpstreamHttpOptions, "explicitHttpConfig" | "useDownstreamProtocolConfig"> {
  const keepAlive = pool?.http2KeepAlive;
  const http2ProtocolOptions: Http2ProtocolOptions = {
    maxConcurrentStreams: pool?.maxConcurrentStreams,
    allowConnect: true,
    connectionKeepalive: keepAlive && { interval: keepAlive.intervalMs, timeout: keepAlive.timeoutMs },
  };
  switch (http) {
    case "http1":
      return { explicitHttpConfig: { httpProtocolOptions: {} } };
    case "http2":
      return { explicitHttpConfig: { http2ProtocolOptions } };
    case "client":
      return { useDownstreamProtocolConfig: { httpProtocolOptions: {}, http2ProtocolOptions } };
    default:
      return unreachable(http);
  }
}

function commonOptions(pool: ConnectionPool | undefined): HttpProtocolOptions | undefined {
  const idleTimeout = pool?.httpIdleTimeoutMs ?? pool?.tcpIdleTimeoutMs;
  const perConnection = pool?.maxRequestsPerConnection ?? 0;
  const maxConnectionDuration = pool?.maxConnectionDurationMs;
  if (idleTimeout === undefined && perConnection === 0 && maxConnectionDuration === undefined) return undefined;
  return {
    idleTimeout,
    maxRequestsPerConnection: perConnection === 0 ? undefined : perConnection,
    maxConnectionDuration,
  };
}

export function outlierDetection(o: OutlierDetection | undefined): EnvoyOutlierDetection | undefined {
  if (o === undefined) return undefined;
  return {
    interval: o.intervalMs,
    baseEjectionTime: o.baseEjectionTimeMs,
    maxEjectionPercent: o.maxEjectionPercent,
    consecutive5xx: o.consecutive5xxErrors,
    enforcingConsecutive5xx: enforcing(o.consecutive5xxErrors),
    consecutiveGatewayFailure: o.consecutiveGatewayErrors,
    enforcingConsecutiveGatewayFailure: enforcing(o.consecutiveGatewayErrors),
    enforcingSuccessRate: 0,
    ...(o.splitExternalLocalOriginErrors && {
      splitExternalLocalOriginErrors: true,
      consecutiveLocalOriginFailure: o.consecutiveLocalOriginFailures,
      enforcingConsecutiveLocalOriginFailure: enforcing(o.consecutiveLocalOriginFailures),
      enforcingLocalOriginSuccessRate: 0,
    }),
  };
}

/** A count of 0 turns the detector off. */
const enforcing = (count: number | undefined): number | undefined =>
  count === undefined ? undefined : count > 0 ? 100 : 0;

/**
 * Resources for tests of the proxy, short to write.
 *
 * @module
 */
import { HttpConnectionManager, type HttpFilter } from "../../src/xds/proto/http-connection-manager.ts";
import { StdoutAccessLog } from "../../src/xds/proto/access-loggers.ts";
import type { Cluster } from "../../src/xds/proto/cluster.ts";
import type { ClusterLoadAssignment } from "../../src/xds/proto/endpoint.ts";
import type { FilterChain, Listener, NetworkFilter } from "../../src/xds/proto/listener.ts";
import type { RetryPolicy } from "../../src/xds/proto/route-action.ts";
import type { Route, RouteConfiguration, VirtualHost } from "../../src/xds/proto/route.ts";
import { pack } from "../../src/xds/types/any.ts";
import type { Http2ProtocolOptions } from "../../src/xds/proto/core-protocol.ts";
import { UpstreamHttpOptions } from "../../src/xds/proto/upstream-http.ts";
import { ROUTER } from "./http-manager.ts";

export const LOOPBACK = "127.0.0.1";

/** What most tests look at. */
export const LOG_FORMAT =
  "%RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% rx=%BYTES_RECEIVED% tx=%BYTES_SENT% attempts=%UPSTREAM_REQUEST_ATTEMPT_COUNT%\n";

export const assignment = (clusterName: string, ...ports: readonly number[]): ClusterLoadAssignment => ({
  clusterName,
  endpoints: [
    {
      lbEndpoints: ports.map((portValue) => ({
        endpoint: { address: { socketAddress: { address: LOOPBACK, portValue } } },
      })),
    },
  ],
});

/** A static cluster of loopback ports. */
export const cluster = (name: string, ports: readonly number[], over: Partial<Cluster> = {}): Cluster => ({
  name,
  type: "STATIC",
  connectTimeout: 1000,
  loadAssignment: assignment(name, ...ports),
  ...over,
});

export const edsCluster = (name: string, over: Partial<Cluster> = {}): Cluster => ({
  name,
  type: "EDS",
  edsClusterConfig: { edsConfig: { ads: {} } },
  ...over,
});

/** Circuit breakers for the default priority. */
export const limits = (
  thresholds: NonNullable<NonNullable<Cluster["circuitBreakers"]>["thresholds"]>[number],
): Partial<Cluster> => ({ circuitBreakers: { thresholds: [thresholds] } });

export const retries = (retryOn: string, over: Partial<RetryPolicy> = {}): RetryPolicy => ({ retryOn, ...over });

/** All paths to one cluster. */
export const route = (name: string, over: Route["route"] = {}, more: Partial<Route> = {}): Route => ({
  match: { prefix: "/" },
  route: { cluster: name, timeout: 0, ...over },
  ...more,
});

export const routes = (
  list: readonly Route[],
  host: Partial<VirtualHost> = {},
  over: Partial<RouteConfiguration> = {},
): RouteConfiguration => ({
  name: "routes",
  virtualHosts: [{ name: "all", domains: ["*"], routes: [...list], ...host }],
  ...over,
});

export interface ManagerOptions extends Partial<HttpConnectionManager> {
  readonly filters?: readonly HttpFilter[];
  readonly logFormat?: string;
}

/** A connection manager with an access log of {@link LOG_FORMAT}. */
export function manager({ filters = [], logFormat = LOG_FORMAT, ...over }: ManagerOptions): NetworkFilter {
  const hcm: HttpConnectionManager = {
    statPrefix: "in",
    httpFilters: [...filters, ROUTER],
    accessLog: [
      {
        name: "stdout",
        typedConfig: pack(StdoutAccessLog, { logFormat: { textFormatSource: { inlineString: logFormat } } }),
      },
    ],
    ...over,
  };
  return { name: "http", typedConfig: pack(HttpConnectionManager, hcm) };
}

export const chain = (...filters: readonly NetworkFilter[]): FilterChain => ({ filters: [...filters] });

export function listener(filterChains: readonly FilterChain[], over: Partial<Listener> = {}): Listener {
  const address = { socketAddress: { address: LOOPBACK, portValue: 0 } };
  return { name: "in", address, filterChains: [...filterChains], ...over };
}

/** A plaintext HTTP listener. */
export const httpListener = (options: ManagerOptions, over: Partial<Listener> = {}): Listener =>
  listener([chain(manager(options))], over);

/** The HTTP options of a cluster. */
export const httpOptions = (options: UpstreamHttpOptions): NonNullable<Cluster["typedExtensionProtocolOptions"]> => ({
  "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": pack(UpstreamHttpOptions, options),
});

/** A cluster whose endpoints speak HTTP/2. */
export const speaksHttp2 = (http2ProtocolOptions: Http2ProtocolOptions = {}): Partial<Cluster> => ({
  typedExtensionProtocolOptions: httpOptions({ explicitHttpConfig: { http2ProtocolOptions } }),
});

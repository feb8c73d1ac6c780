/**
 * The network filters of an inbound listener: HTTP with authorization, or opaque TCP with authorization.
 *
 * @module
 */
import { HttpRbac } from "../xds/proto/filter-http-rbac.ts";
import { NetworkRbac } from "../xds/proto/filter-network-rbac.ts";
import { TcpProxy } from "../xds/proto/filter-tcp-proxy.ts";
import type { HttpFilter } from "../xds/proto/http-connection-manager.ts";
import type { NetworkFilter } from "../xds/proto/listener.ts";
import type { RouteAction } from "../xds/proto/route-action.ts";
import type { RouteConfiguration } from "../xds/proto/route.ts";
import { pack } from "../xds/types/any.ts";
import type { Authorization } from "./authorization.ts";
import { accessLogs, httpManager } from "./http-manager.ts";
import type { InboundPort } from "./inbound.ts";
import type { TranslateOptions } from "./options.ts";

export function httpFilters(
  inbound: InboundPort,
  rbac: Authorization["filters"],
  limits: readonly HttpFilter[],
  options: TranslateOptions,
): readonly NetworkFilter[] {
  const authorization: readonly HttpFilter[] = rbac.map((config) => ({
    name: "envoy.filters.http.rbac",
    typedConfig: pack(HttpRbac, config),
  }));
  const manager = httpManager(
    {
      statPrefix: `inbound_0.0.0.0_${inbound.port.targetPort}`,
      routeConfig: inboundRoutes(inbound),
      forwardClientCertDetails: "APPEND_FORWARD",
      setCurrentClientCertDetails: { subject: true, dns: true, uri: true },
    },
    [...authorization, ...limits],
    options,
  );
  return [manager];
}

export function tcpFilters(
  inbound: InboundPort,
  rbac: Authorization["filters"],
  limits: readonly NetworkFilter[],
  options: TranslateOptions,
): readonly NetworkFilter[] {
  const proxy: TcpProxy = {
    statPrefix: inbound.clusterName,
    cluster: inbound.clusterName,
    accessLog: accessLogs(options),
  };
  return [
    ...rbac.map((config) => ({
      name: "envoy.filters.network.rbac",
      typedConfig: pack(NetworkRbac, { ...config, statPrefix: "tcp." }),
    })),
    ...limits,
    { name: "envoy.filters.network.tcp_proxy", typedConfig: pack(TcpProxy, proxy) },
  ];
}

/** Everything goes to the application, for as long as it takes: the caller's proxy holds the limits. */
function inboundRoutes({ clusterName, port, retryPolicy }: InboundPort): RouteConfiguration {
  const route: RouteAction = {
    cluster: clusterName,
    timeout: 0,
    // What a call of gRPC asks for itself counts, as in Istio.
    maxStreamDuration: { maxStreamDuration: 0, grpcTimeoutHeaderMax: 0 },
    retryPolicy,
  };
  return {
    name: clusterName,
    virtualHosts: [
      {
        name: `inbound|http|${port.targetPort}`,
        domains: ["*"],
        routes: [{ name: "default", match: { prefix: "/" }, route }],
      },
    ],
    validateClusters: false,
  };
}

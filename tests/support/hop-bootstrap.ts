/**
 * The bootstrap of one hop: a listener that takes everything, and a cluster behind it. The same text starts a real Envoy
 * and our proxy.
 *
 * @module
 */
import { Bootstrap } from "../../src/xds/proto/bootstrap.ts";
import type { Cluster } from "../../src/xds/proto/cluster.ts";
import type { TransportSocket } from "../../src/xds/proto/core-base.ts";
import { Router } from "../../src/xds/proto/filter-router.ts";
import { HttpConnectionManager } from "../../src/xds/proto/http-connection-manager.ts";
import type { Listener } from "../../src/xds/proto/listener.ts";
import { type CommonTlsContext, DownstreamTlsContext, UpstreamTlsContext } from "../../src/xds/proto/tls.ts";
import { UpstreamHttpOptions } from "../../src/xds/proto/upstream-http.ts";
import { pack } from "../../src/xds/types/any.ts";
import { toJson } from "../../src/xds/types/codec.ts";

/** Paths of PEM files: a private key within a configuration is not written out. */
export interface HopTls {
  readonly certChain: string;
  readonly privateKey: string;
  readonly trustedCa: string;
}

export interface Hop {
  readonly admin: number;
  readonly listen: number;
  readonly upstream: number;
  /** The endpoint speaks HTTP/2, else HTTP/1.1. */
  readonly http2?: boolean;
  /** The listener ends mutual TLS. */
  readonly tlsIn?: HopTls;
  /** The cluster speaks mutual TLS. */
  readonly tlsOut?: HopTls;
  readonly manager?: Partial<HttpConnectionManager>;
  /** Requests on a connection to the endpoint; without a limit where it is undefined. */
  readonly maxRequestsPerConnection?: number;
}

export function hopBootstrap(hop: Hop): string {
  const bootstrap: Bootstrap = {
    node: { id: "hop", cluster: "hop" },
    admin: { address: address(hop.admin) },
    staticResources: { listeners: [listener(hop)], clusters: [cluster(hop)] },
  };
  return `${JSON.stringify(toJson(Bootstrap, bootstrap), null, 1)}\n`;
}

const address = (portValue: number) => ({ socketAddress: { address: "127.0.0.1", portValue } });

function listener({ listen, manager, tlsIn }: Hop): Listener {
  const config: HttpConnectionManager = {
    statPrefix: "hop",
    codecType: "AUTO",
    // The endpoint sees from which address a request came.
    useRemoteAddress: true,
    routeConfig: {
      name: "all",
      virtualHosts: [
        {
          name: "all",
          domains: ["*"],
          routes: [{ match: { prefix: "" }, route: { cluster: "upstream", timeout: 0 } }],
        },
      ],
    },
    httpFilters: [{ name: "router", typedConfig: pack(Router, {}) }],
    ...manager,
  };
  const filters = [{ name: "http", typedConfig: pack(HttpConnectionManager, config) }];
  const chain = tlsIn === undefined ? { filters } : { filters, transportSocket: downstreamTls(tlsIn) };
  return { name: "hop", address: address(listen), filterChains: [chain] };
}

function cluster({ maxRequestsPerConnection, upstream, http2, tlsOut }: Hop): Cluster {
  const options: UpstreamHttpOptions = {
    explicitHttpConfig: http2 === true ? { http2ProtocolOptions: {} } : { httpProtocolOptions: {} },
    ...(maxRequestsPerConnection === undefined ? {} : { commonHttpProtocolOptions: { maxRequestsPerConnection } }),
  };
  return {
    name: "upstream",
    type: "STATIC",
    connectTimeout: 2000,
    circuitBreakers: { thresholds: [{ maxConnections: 4096, maxPendingRequests: 4096, maxRequests: 4096 }] },
    loadAssignment: {
      clusterName: "upstream",
      endpoints: [{ lbEndpoints: [{ endpoint: { address: address(upstream) } }] }],
    },
    typedExtensionProtocolOptions: {
      "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": pack(UpstreamHttpOptions, options),
    },
    ...(tlsOut === undefined ? {} : { transportSocket: upstreamTls(tlsOut, http2 === true) }),
  };
}

const common = ({ certChain, privateKey, trustedCa }: HopTls): CommonTlsContext => ({
  tlsCertificates: [{ certificateChain: { filename: certChain }, privateKey: { filename: privateKey } }],
  validationContext: { trustedCa: { filename: trustedCa } },
});

function downstreamTls(tls: HopTls): TransportSocket {
  const commonTlsContext = { ...common(tls), alpnProtocols: ["h2", "http/1.1"] };
  return {
    name: "envoy.transport_sockets.tls",
    typedConfig: pack(DownstreamTlsContext, { commonTlsContext, requireClientCertificate: true }),
  };
}

function upstreamTls(tls: HopTls, http2: boolean): TransportSocket {
  const commonTlsContext = { ...common(tls), alpnProtocols: [http2 ? "h2" : "http/1.1"] };
  return {
    name: "envoy.transport_sockets.tls",
    typedConfig: pack(UpstreamTlsContext, { commonTlsContext, sni: "localhost" }),
  };
}

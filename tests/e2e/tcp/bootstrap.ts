/**
 * The bootstrap that both proxies start from: TCP proxies, listener filters, TLS passed through and ended, PROXY headers in
 * and out.
 *
 * @module
 */
import { FileAccessLog } from "../../../src/xds/proto/access-loggers.ts";
import { Bootstrap } from "../../../src/xds/proto/bootstrap.ts";
import type { Cluster } from "../../../src/xds/proto/cluster.ts";
import type { ProxyProtocolConfigVersion } from "../../../src/xds/proto/core-protocol.ts";
import { HttpRbac } from "../../../src/xds/proto/filter-http-rbac.ts";
import { NetworkRbac } from "../../../src/xds/proto/filter-network-rbac.ts";
import { Router } from "../../../src/xds/proto/filter-router.ts";
import { SniCluster } from "../../../src/xds/proto/filter-sni-cluster.ts";
import { TcpProxy } from "../../../src/xds/proto/filter-tcp-proxy.ts";
import { HttpConnectionManager } from "../../../src/xds/proto/http-connection-manager.ts";
import type { FilterChain, Listener, ListenerFilter, NetworkFilter } from "../../../src/xds/proto/listener.ts";
import { HttpInspector, OriginalDst, ProxyProtocol, TlsInspector } from "../../../src/xds/proto/listener-filters.ts";
import type { Policy } from "../../../src/xds/proto/rbac.ts";
import { DownstreamTlsContext, RawBuffer, UpstreamTlsContext } from "../../../src/xds/proto/tls.ts";
import { ProxyProtocolUpstreamTransport } from "../../../src/xds/proto/upstream-proxy-protocol.ts";
import { pack } from "../../../src/xds/types/any.ts";
import { toJson } from "../../../src/xds/types/codec.ts";
import type { Manner } from "./backends.ts";

export interface TcpBootstrap {
  readonly admin: number;
  /** Nothing listens there. */
  readonly dead: number;
  readonly portOf: (listener: ListenerName) => number;
  readonly backendOf: (manner: Manner) => number;
  /** A server of TLS, behind a PROXY header. */
  readonly tlsBackend: number;
  readonly accessLog: string;
  readonly chainFile: string;
  readonly keyFile: string;
  readonly caFile: string;
}

type Make = (options: TcpBootstrap, name: string) => Partial<Listener>;

const LOG = [
  "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT% %DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT%",
  "%DOWNSTREAM_LOCAL_ADDRESS%",
  "%RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %CONNECTION_TERMINATION_DETAILS%",
  "in=%BYTES_RECEIVED% out=%BYTES_SENT% %PROTOCOL% %REQ(:METHOD)%",
  "cluster=%UPSTREAM_CLUSTER% host=%UPSTREAM_HOST% sni=%REQUESTED_SERVER_NAME%",
  "%UPSTREAM_TRANSPORT_FAILURE_REASON% route=%ROUTE_NAME% attempts=%UPSTREAM_REQUEST_ATTEMPT_COUNT%\n",
].join(" | ");

const logTo = (path: string) => ({
  name: "file",
  typedConfig: pack(FileAccessLog, { path, logFormat: { textFormatSource: { inlineString: LOG } } }),
});

function tcp(options: TcpBootstrap, name: string, over: TcpProxy): NetworkFilter {
  const proxy: TcpProxy = { statPrefix: name, accessLog: [logTo(options.accessLog)], ...over };
  return { name: "tcp", typedConfig: pack(TcpProxy, proxy) };
}

const to =
  (cluster: string, over: TcpProxy = {}, more: Partial<FilterChain> = {}): Make =>
  (options, name) => ({ filterChains: [{ ...more, filters: [tcp(options, name, { cluster, ...over })] }] });

const tlsInspector: ListenerFilter = { name: "tls", typedConfig: pack(TlsInspector, {}) };
const httpInspector: ListenerFilter = { name: "http", typedConfig: pack(HttpInspector, {}) };
const originalDst: ListenerFilter = { name: "dst", typedConfig: pack(OriginalDst, {}) };
const proxyProtocol = (over: ProxyProtocol = {}): ListenerFilter => ({
  name: "proxy",
  typedConfig: pack(ProxyProtocol, over),
});

const somebody = (addressPrefix: string): Policy => ({
  permissions: [{ any: true }],
  principals: [{ remoteIp: { addressPrefix, prefixLen: 32 } }],
});
const itself = (addressPrefix: string): Policy => ({
  permissions: [{ any: true }],
  principals: [{ directRemoteIp: { addressPrefix, prefixLen: 8 } }],
});

const rbac = (policies: Readonly<Record<string, Policy>>): NetworkFilter => ({
  name: "rbac",
  typedConfig: pack(NetworkRbac, { statPrefix: "tcp.", rules: { action: "DENY", policies } }),
});

function http(options: TcpBootstrap, name: string, cluster: string): NetworkFilter {
  const manager: HttpConnectionManager = {
    statPrefix: name,
    useRemoteAddress: true,
    generateRequestId: false,
    accessLog: [logTo(options.accessLog)],
    routeConfig: {
      name,
      virtualHosts: [{ name, domains: ["*"], routes: [{ name: "all", match: { prefix: "/" }, route: { cluster } }] }],
    },
    httpFilters: [
      {
        name: "rbac",
        typedConfig: pack(HttpRbac, { rules: { action: "DENY", policies: { them: somebody("10.9.9.9") } } }),
      },
      { name: "router", typedConfig: pack(Router, {}) },
    ],
  };
  return { name: "http", typedConfig: pack(HttpConnectionManager, manager) };
}

const downstreamTls = ({ chainFile, keyFile }: TcpBootstrap, alpnProtocols: readonly string[] = []) => ({
  name: "tls",
  typedConfig: pack(DownstreamTlsContext, {
    commonTlsContext: {
      alpnProtocols: [...alpnProtocols],
      tlsCertificates: [{ certificateChain: { filename: chainFile }, privateKey: { filename: keyFile } }],
    },
  }),
});

/** Chains by server names, as an edge passes TLS through. */
const passThrough: Make = (options, name) => {
  const chain = (cluster: string, ...serverNames: string[]): FilterChain => ({
    name: cluster,
    filterChainMatch: { serverNames },
    filters: [tcp(options, name, { cluster })],
  });
  return {
    listenerFilters: [tlsInspector],
    filterChains: [
      chain("exact", "www.example.com"),
      chain("wild", "*.example.com"),
      chain("deeper", "*.www.example.com"),
      { ...chain("mesh"), filterChainMatch: { serverNames: ["mesh.example.com"], applicationProtocols: ["istio"] } },
      { ...chain("tls"), filterChainMatch: { transportProtocol: "tls" } },
    ],
    defaultFilterChain: chain("plain"),
  };
};

/** Chains by the protocol that was detected, as Istio's inbound listener has them. */
const detecting =
  (continues: boolean, over: Partial<Listener> = {}): Make =>
  (options, name) => {
    const chain = (cluster: string, match: FilterChain["filterChainMatch"]): FilterChain => ({
      name: cluster,
      filterChainMatch: match,
      filters: [tcp(options, name, { cluster })],
    });
    return {
      listenerFilters: [originalDst, tlsInspector, httpInspector],
      listenerFiltersTimeout: 1000,
      continueOnListenerFiltersTimeout: continues,
      filterChains: [
        chain("http1", { transportProtocol: "raw_buffer", applicationProtocols: ["http/1.0", "http/1.1"] }),
        chain("http2", { transportProtocol: "raw_buffer", applicationProtocols: ["h2c"] }),
        chain("tls", { transportProtocol: "tls" }),
        chain("plain", { transportProtocol: "raw_buffer" }),
      ],
      ...over,
    };
  };

export const LISTENERS = {
  echo: to("echo"),
  greets: to("greets"),
  answersAtEnd: to("answersAtEnd"),
  endsFirst: to("endsFirst"),
  resets: to("resets"),
  silent: to("silent"),
  dead: to("dead"),
  deadTwice: to("dead", { maxConnectAttempts: 2 }),
  empty: to("empty"),
  nowhere: to("nowhere"),
  full: to("full"),
  idle: to("silent", { idleTimeout: 1000 }),
  limited: to("silent", { maxDownstreamConnectionDuration: 1000 }),
  denied: (options, name) => ({
    filterChains: [{ filters: [rbac({ them: itself("127.0.0.0") }), tcp(options, name, { cluster: "echo" })] }],
  }),
  weighted: to("", { cluster: undefined, weightedClusters: { clusters: [{ name: "echo", weight: 1 }] } }),
  hashed: to("echo", { hashPolicy: [{ sourceIp: {} }] }),
  passThrough,
  bySni: (options, name) => ({
    listenerFilters: [tlsInspector],
    filterChains: [
      {
        filters: [{ name: "sni", typedConfig: pack(SniCluster, {}) }, tcp(options, name, { cluster: "plain" })],
      },
    ],
  }),
  detecting: detecting(true),
  detectingOrClosing: detecting(false),
  detectingWithoutPort: detecting(true, {
    listenerFilters: [
      tlsInspector,
      { ...httpInspector, filterDisabled: { destinationPortRange: { start: 1, end: 65_535 } } },
    ],
  }),
  fromProxy: (options, name) => ({
    listenerFilters: [proxyProtocol()],
    filterChains: [{ filters: [rbac({ them: somebody("10.9.9.9") }), tcp(options, name, { cluster: "echo" })] }],
  }),
  fromProxyOrNot: (options, name) => ({
    listenerFilters: [proxyProtocol({ allowRequestsWithoutProxyProtocol: true })],
    filterChains: [{ filters: [tcp(options, name, { cluster: "echo" })] }],
  }),
  fromProxyV2: (options, name) => ({
    listenerFilters: [proxyProtocol({ disallowedVersions: ["V1"] })],
    filterChains: [{ filters: [tcp(options, name, { cluster: "echo" })] }],
  }),
  fromProxyHttp: (options, name) => ({
    listenerFilters: [proxyProtocol()],
    filterChains: [{ filters: [http(options, name, "http")] }],
  }),
  fromProxyThenTls: (options, name) => ({
    listenerFilters: [proxyProtocol(), tlsInspector],
    filterChains: [
      {
        filterChainMatch: { transportProtocol: "tls", destinationPort: 8443 },
        filters: [tcp(options, name, { cluster: "echo" })],
        transportSocket: downstreamTls(options),
      },
      { filters: [tcp(options, name, { cluster: "silent" })] },
    ],
  }),
  toProxyV1: to("proxy-v1"),
  toProxyV2: to("proxy-v2"),
  toProxyTls: to("proxy-tls"),
  toProxyHttp: (options, name) => ({ filterChains: [{ filters: [http(options, name, "proxy-http")] }] }),
  proxyToProxy: (options, name) => ({
    listenerFilters: [proxyProtocol()],
    filterChains: [{ filters: [tcp(options, name, { cluster: "proxy-v2" })] }],
  }),
  connects: to("connects", { tunnelingConfig: { hostname: "db.example.com:5432" } }),
  forbids: to("forbids", { tunnelingConfig: { hostname: "db.example.com:5432" } }),
  endsTls: (options, name) => ({
    listenerFilters: [tlsInspector],
    filterChains: [
      { filters: [tcp(options, name, { cluster: "echo" })], transportSocket: downstreamTls(options, ["istio"]) },
    ],
  }),
} as const satisfies Readonly<Record<string, Make>>;

export type ListenerName = keyof typeof LISTENERS;

export function tcpBootstrapText(options: TcpBootstrap): string {
  const { backendOf, dead } = options;
  const echo = backendOf("echo");
  const named = ["exact", "wild", "deeper", "mesh", "tls", "plain", "http1", "http2", "by.sni.example.com"];
  const bootstrap: Bootstrap = {
    node: { id: "tcp", cluster: "tcp" },
    admin: { address: { socketAddress: { address: "127.0.0.1", portValue: options.admin } } },
    staticResources: {
      listeners: (Object.keys(LISTENERS) as ListenerName[]).map((name) => ({
        name,
        address: address(options.portOf(name)),
        ...LISTENERS[name](options, name),
      })),
      clusters: [
        ...(
          ["echo", "greets", "answersAtEnd", "endsFirst", "http", "resets", "silent", "connects", "forbids"] as const
        ).map((manner) => cluster(manner, [backendOf(manner)])),
        ...named.map((name) => cluster(name, [backendOf(name === "plain" ? "greets" : "echo")])),
        cluster("dead", [dead]),
        cluster("empty", []),
        cluster("full", [backendOf("silent")], { circuitBreakers: { thresholds: [{ maxConnections: 1 }] } }),
        cluster("proxy-v1", [echo], proxied("V1")),
        cluster("proxy-http", [backendOf("http")], proxied("V1")),
        cluster("proxy-v2", [echo], proxied("V2")),
        cluster("proxy-tls", [options.tlsBackend], proxied("V2", upstreamTls(options))),
      ],
    },
  };
  return `${JSON.stringify(toJson(Bootstrap, bootstrap), null, 1)}\n`;
}

/** Of everything but the admin: what else runs on the machine may still call ports of 127.0.0.1 that it had before. */
export const ADDRESS = "127.7.7.7";

const address = (portValue: number) => ({ socketAddress: { address: ADDRESS, portValue } });

const cluster = (name: string, ports: readonly number[], over: Partial<Cluster> = {}): Cluster => ({
  name,
  type: "STATIC",
  connectTimeout: 1000,
  loadAssignment: {
    clusterName: name,
    endpoints: [{ lbEndpoints: ports.map((port) => ({ endpoint: { address: address(port) } })) }],
  },
  ...over,
});

const raw = { name: "raw", typedConfig: pack(RawBuffer, {}) };

function proxied(version: ProxyProtocolConfigVersion, transportSocket: typeof raw = raw): Partial<Cluster> {
  const typedConfig = pack(ProxyProtocolUpstreamTransport, { config: { version }, transportSocket });
  return { transportSocket: { name: "proxy", typedConfig } };
}

const upstreamTls = ({ caFile }: TcpBootstrap) => ({
  name: "tls",
  typedConfig: pack(UpstreamTlsContext, {
    sni: "app",
    commonTlsContext: { validationContext: { trustedCa: { filename: caFile } } },
  }),
});

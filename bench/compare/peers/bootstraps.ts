/**
 * Envoy bootstraps that Tulle's proxy and Envoy are both started from: the same file for both, but for the ports.
 *
 * @module
 */
import type { Hop, Protocol, RouteKind, Topology } from "../topology.ts";

/** PEM files of this side's identity and of the roots that the other's is verified against. */
interface TlsFiles {
  readonly cert: string;
  readonly key: string;
  readonly ca: string;
}

export interface HopOptions extends Hop {
  readonly protocol: Protocol;
  readonly admin: number;
  readonly files: TlsFiles;
  /** Routes that do not match, before the one that does: a mesh has some. */
  readonly routes: NonNullable<Topology["routes"]>;
}

const TYPE = "type.googleapis.com/envoy";

/** One hop as a mesh configures it: routes, authorization, access log, retries. */
export function bootstrap(o: HopOptions): object {
  return {
    admin: { address: socketAddress(o.admin) },
    static_resources: { listeners: [listener(o)], clusters: [cluster(o)] },
  };
}

function listener(o: HopOptions): object {
  const filter =
    o.protocol === "tcp"
      ? { name: "envoy.filters.network.tcp_proxy", typed_config: tcpProxy() }
      : { name: "envoy.filters.network.http_connection_manager", typed_config: connectionManager(o) };
  const tls = o.tls === "listener" ? { transport_socket: downstreamTls(o) } : {};
  return { name: "bench", address: socketAddress(o.listen), filter_chains: [{ filters: [filter], ...tls }] };
}

function tcpProxy(): object {
  const type = `${TYPE}.extensions.filters.network.tcp_proxy.v3.TcpProxy`;
  return { "@type": type, stat_prefix: "bench", cluster: "backend", access_log: accessLog() };
}

function connectionManager(o: HopOptions): object {
  return {
    "@type": `${TYPE}.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager`,
    stat_prefix: "bench",
    route_config: { name: "bench", virtual_hosts: [{ name: "all", domains: ["*"], routes: routes(o.routes) }] },
    http_filters: [
      { name: "envoy.filters.http.rbac", typed_config: rbac() },
      {
        name: "envoy.filters.http.router",
        typed_config: { "@type": `${TYPE}.extensions.filters.http.router.v3.Router` },
      },
    ],
    access_log: accessLog(),
  };
}

function accessLog(): object[] {
  const type = `${TYPE}.extensions.access_loggers.file.v3.FileAccessLog`;
  return [{ name: "envoy.access_loggers.file", typed_config: { "@type": type, path: "/dev/null" } }];
}

const MATCHES: Readonly<Record<RouteKind, (i: number) => object>> = {
  path: (i) => ({ path: `/never-${i}` }),
  prefix: (i) => ({ prefix: `/never-${i}/` }),
  regex: (i) => ({ safe_regex: { regex: `/never-${i}/[0-9]+` } }),
  header: (i) => ({ prefix: "/", headers: [{ name: "tenant", string_match: { exact: `tenant-${i}` } }] }),
};

function routes({ count, by }: HopOptions["routes"]): object[] {
  const retry = { retry_on: "connect-failure,refused-stream,unavailable,cancelled", num_retries: 2 };
  return [
    ...Array.from({ length: count }, (_, i) => ({ match: MATCHES[by](i), route: { cluster: "backend" } })),
    { name: "default", match: { prefix: "/" }, route: { cluster: "backend", timeout: "0s", retry_policy: retry } },
  ];
}

function rbac(): object {
  const method = (exact: string): object => ({ header: { name: ":method", string_match: { exact } } });
  const readOrCall = { or_rules: { rules: [method("GET"), method("POST")] } };
  return {
    "@type": `${TYPE}.extensions.filters.http.rbac.v3.RBAC`,
    rules: { action: "ALLOW", policies: { call: { permissions: [readOrCall], principals: [{ any: true }] } } },
  };
}

function cluster(o: HopOptions): object {
  const endpoint = { endpoint: { address: socketAddress(o.upstream) } };
  const unlimited = { max_connections: 100_000, max_requests: 100_000, max_pending_requests: 100_000 };
  return {
    name: "backend",
    type: "STATIC",
    connect_timeout: "5s",
    circuit_breakers: { thresholds: [unlimited] },
    load_assignment: { cluster_name: "backend", endpoints: [{ lb_endpoints: [endpoint] }] },
    ...(upstreamProtocol(o) === "http2" ? http2() : {}),
    ...(o.tls === "cluster" ? { transport_socket: upstreamTls(o) } : {}),
  };
}

const upstreamProtocol = (o: HopOptions): Protocol => o.upstreamProtocol ?? o.protocol;

function http2(): object {
  const type = `${TYPE}.extensions.upstreams.http.v3.HttpProtocolOptions`;
  const options = { "@type": type, explicit_http_config: { http2_protocol_options: {} } };
  return { typed_extension_protocol_options: { "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": options } };
}

const common = (o: HopOptions, alpn: readonly string[] | undefined): object => ({
  tls_certificates: [{ certificate_chain: { filename: o.files.cert }, private_key: { filename: o.files.key } }],
  validation_context: { trusted_ca: { filename: o.files.ca } },
  ...(alpn === undefined ? {} : { alpn_protocols: alpn }),
});

function downstreamTls(o: HopOptions): object {
  const type = `${TYPE}.extensions.transport_sockets.tls.v3.DownstreamTlsContext`;
  const alpn = o.protocol === "tcp" ? undefined : ["h2", "http/1.1"];
  const config = { "@type": type, common_tls_context: common(o, alpn), require_client_certificate: true };
  return { name: "envoy.transport_sockets.tls", typed_config: config };
}

function upstreamTls(o: HopOptions): object {
  const type = `${TYPE}.extensions.transport_sockets.tls.v3.UpstreamTlsContext`;
  const alpn = { http1: ["http/1.1"], http2: ["h2"], tcp: undefined }[upstreamProtocol(o)];
  const config = { "@type": type, common_tls_context: common(o, alpn), sni: "localhost" };
  return { name: "envoy.transport_sockets.tls", typed_config: config };
}

const socketAddress = (port: number): object => ({ socket_address: { address: "127.0.0.1", port_value: port } });

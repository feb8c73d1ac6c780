/**
 * Envoy bootstraps that Tulle's proxy and Envoy are both started from: the same file for both, but for the ports.
 *
 * @module
 */

export interface HopOptions {
  readonly listen: number;
  readonly admin: number;
  readonly upstream: number;
  /** PEM files: the listener ends mutual TLS, or the cluster starts it. */
  readonly tls?: {
    readonly side: "listener" | "cluster";
    readonly cert: string;
    readonly key: string;
    readonly ca: string;
  };
  /** Routes that do not match, before the one that does: a mesh has some. */
  readonly routes: number;
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
  const chain = {
    filters: [{ name: "envoy.filters.network.http_connection_manager", typed_config: connectionManager(o) }],
  };
  return {
    name: "bench",
    address: socketAddress(o.listen),
    filter_chains: [o.tls?.side === "listener" ? { ...chain, transport_socket: downstreamTls(o.tls) } : chain],
  };
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
    access_log: [
      {
        name: "envoy.access_loggers.file",
        typed_config: { "@type": `${TYPE}.extensions.access_loggers.file.v3.FileAccessLog`, path: "/dev/null" },
      },
    ],
  };
}

function routes(count: number): object[] {
  const retry = { retry_on: "connect-failure,refused-stream,unavailable,cancelled", num_retries: 2 };
  return [
    ...Array.from({ length: count }, (_, i) => ({ match: { path: `/never-${i}` }, route: { cluster: "backend" } })),
    { name: "default", match: { prefix: "/" }, route: { cluster: "backend", timeout: "0s", retry_policy: retry } },
  ];
}

function rbac(): object {
  const getOnly = { header: { name: ":method", string_match: { exact: "GET" } } };
  return {
    "@type": `${TYPE}.extensions.filters.http.rbac.v3.RBAC`,
    rules: { action: "ALLOW", policies: { get: { permissions: [getOnly], principals: [{ any: true }] } } },
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
    ...(o.tls?.side === "cluster" ? { transport_socket: upstreamTls(o.tls) } : {}),
  };
}

type Tls = NonNullable<HopOptions["tls"]>;

const common = (tls: Tls): object => ({
  tls_certificates: [{ certificate_chain: { filename: tls.cert }, private_key: { filename: tls.key } }],
  validation_context: { trusted_ca: { filename: tls.ca } },
});

function downstreamTls(tls: Tls): object {
  const type = `${TYPE}.extensions.transport_sockets.tls.v3.DownstreamTlsContext`;
  const config = { "@type": type, common_tls_context: common(tls), require_client_certificate: true };
  return { name: "envoy.transport_sockets.tls", typed_config: config };
}

function upstreamTls(tls: Tls): object {
  const type = `${TYPE}.extensions.transport_sockets.tls.v3.UpstreamTlsContext`;
  return {
    name: "envoy.transport_sockets.tls",
    typed_config: { "@type": type, common_tls_context: common(tls), sni: "localhost" },
  };
}

const socketAddress = (port: number): object => ({ socket_address: { address: "127.0.0.1", port_value: port } });

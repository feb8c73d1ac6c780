/**
 * The defaults that docs/limits.md names are those of the code.
 */
import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { compileCluster } from "../src/engine/cluster/cluster.ts";
import { compileSettings } from "../src/engine/http/settings.ts";
import { compileListener } from "../src/engine/listener/listener.ts";
import { compileUdpListener } from "../src/engine/listener/udp-listener.ts";
import { UdpProxyConfig } from "../src/xds/proto/filter-udp-proxy.ts";
import { pack } from "../src/xds/types/any.ts";
import { hcm } from "./support/http-manager.ts";
import { cluster, httpListener, routes } from "./support/proxy-resources.ts";

const text = readFileSync(join(import.meta.dir, "../docs/limits.md"), "utf8");

/** Rows by the field in their first column: the default's first word, with its unit. */
const defaults = new Map(
  [...text.matchAll(/^\| `([\w.]+)`[^|]*\| ([^|]+?) \|/gm)].map(([, field = "", said = ""]) => [field, said]),
);

const settings = compileSettings(hcm({}), "");
const compiled = compileCluster(cluster("c", [1], { connectTimeout: undefined }));
const listener = compileListener(httpListener({ routeConfig: routes([]) }));
const datagrams = compileUdpListener({
  address: { socketAddress: { protocol: "UDP", address: "127.0.0.1", portValue: 53 } },
  listenerFilters: [{ typedConfig: pack(UdpProxyConfig, { statPrefix: "s", cluster: "c" }) }],
});

const seconds = (ms: number): string => (ms === 0 || ms === Number.POSITIVE_INFINITY ? "no limit" : `${ms / 1000} s`);
const count = (n: number): string => (n === 0 || n === Number.POSITIVE_INFINITY ? "no limit" : String(n));

const CODE: Readonly<Record<string, string>> = {
  "hcm.max_request_headers_kb": `${settings.maxRequestHeadersBytes / 1024} kB`,
  "common.max_headers_count": count(settings.maxHeadersCount),
  "common.max_requests_per_connection": count(settings.maxRequestsPerConnection),
  "common.max_connection_duration": seconds(settings.maxConnectionDurationMs),
  "common.idle_timeout": seconds(settings.idleTimeoutMs),
  "common.max_stream_duration": seconds(settings.maxStreamDurationMs),
  "hcm.request_timeout": seconds(settings.requestTimeoutMs),
  "hcm.stream_idle_timeout": seconds(settings.streamIdleTimeoutMs),
  "hcm.delayed_close_timeout": seconds(settings.delayedCloseTimeoutMs),
  "hcm.drain_timeout": seconds(settings.drainTimeoutMs),
  "listener.per_connection_buffer_limit_bytes": `${listener.bufferLimitBytes} bytes`,
  "listener.listener_filters_timeout": seconds(listener.listenerFilters.timeoutMs),
  "cluster.connect_timeout": seconds(compiled.connectTimeoutMs),
  "circuit_breakers.thresholds.max_connections": count(compiled.limits.default.maxConnections),
  "circuit_breakers.thresholds.max_pending_requests": count(compiled.limits.default.maxPendingRequests),
  "circuit_breakers.thresholds.max_requests": count(compiled.limits.default.maxRequests),
  "circuit_breakers.thresholds.max_retries": count(compiled.limits.default.maxRetries),
  "circuit_breakers.per_host_thresholds.max_connections": count(compiled.limits.maxConnectionsPerEndpoint),
  "udp_proxy.idle_timeout": seconds(datagrams.proxy.idleTimeoutMs),
  "udp_listener_config.downstream_socket_config.max_rx_datagram_size": `${datagrams.maxDatagramBytes} bytes`,
  "udp_proxy.upstream_socket_config.max_rx_datagram_size": `${datagrams.proxy.maxDatagramBytes} bytes`,
  idle_timeout: seconds(compiled.http.idleTimeoutMs),
  max_requests_per_connection: count(compiled.http.maxRequestsPerConnection),
};

describe("docs/limits.md", () => {
  for (const [field, value] of Object.entries(CODE))
    test(`${field} is ${value} by default`, () => {
      expect(defaults.get(field)?.replace(/ \(.*\)$/, "")).toBe(value);
    });
});

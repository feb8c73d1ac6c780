import { describe, expect, test } from "bun:test";
import type { LogLevel } from "../base/log.ts";
import { Registry } from "../telemetry/registry.ts";
import { Cluster } from "../xds/proto/cluster.ts";
import { Listener } from "../xds/proto/listener.ts";
import { pack } from "../xds/types/any.ts";
import { proxyAdmin } from "./proxy-admin.ts";
import type { ClusterView, DrainOptions, EndpointView, ProxyAdminSource } from "./proxy-admin-source.ts";

const NOW = Date.UTC(2026, 5, 1);
const LIMITS = { maxConnections: 1024, maxPendingRequests: 1024, maxRequests: 1024, maxRetries: 3 };
const ENDPOINT: EndpointView = {
  address: "127.0.0.1",
  port: 1,
  path: undefined,
  hostname: "",
  weight: 1,
  priority: 0,
  locality: { region: "", zone: "", subZone: "" },
  edsHealth: "HEALTHY",
  ejected: false,
  stats: {
    cxActive: 1,
    cxConnectFail: 2,
    cxTotal: 3,
    rqActive: 4,
    rqError: 5,
    rqSuccess: 6,
    rqTimeout: 7,
    rqTotal: 8,
  },
};

class FakeProxy implements ProxyAdminSource {
  readonly registry = new Registry();
  state: ProxyAdminSource["state"] = "LIVE";
  logLevel: LogLevel = "info";
  readonly drains: DrainOptions[] = [];
  quits = 0;
  readonly info = {
    version: "0.1.0",
    nodeId: "n1",
    nodeCluster: "c1",
    startedMs: NOW - 12_345,
    nowMs: NOW,
    options: { config_path: "e.json" },
  };
  clusters: readonly ClusterView[] = [
    {
      name: "c1",
      addedViaApi: false,
      edsServiceName: undefined,
      limits: { default: LIMITS, high: LIMITS },
      endpoints: [ENDPOINT],
    },
  ];
  readonly listeners = [{ name: "l1", address: "127.0.0.1", port: 19_902 }];
  readonly certificates: ProxyAdminSource["certificates"] = [
    {
      trustedRoots: [],
      chain: [
        {
          origin: "sds: default",
          serial: "AB01",
          uriSans: ["spiffe://a/b"],
          dnsSans: ["x"],
          notBeforeMs: NOW,
          notAfterMs: NOW + 2.5 * 86_400_000,
        },
      ],
    },
  ];
  readonly config: ProxyAdminSource["config"] = {
    bootstrap: { node: { id: "n1" } },
    bootstrapLoadedMs: NOW,
    clusters: [
      { name: "c1", any: pack(Cluster, { name: "c1" }), version: undefined, lastUpdatedMs: NOW },
      { name: "c2", any: pack(Cluster, { name: "c2" }), version: "v7", lastUpdatedMs: NOW },
      {
        name: "c3",
        any: pack(Cluster, { name: "c3" }),
        version: "v8",
        lastUpdatedMs: NOW,
        warming: true,
        rejected: { reason: "no", atMs: NOW, version: "v9" },
      },
    ],
    listeners: [{ name: "l1", any: pack(Listener, { name: "l1" }), version: "v1", lastUpdatedMs: NOW }],
    routes: [],
    endpoints: [],
    secrets: [
      { name: "default", kind: "keyPair", certificatesPem: "-----CHAIN-----", version: "1", lastUpdatedMs: NOW },
      { name: "ROOTCA", kind: "trustedCa", certificatesPem: "-----ROOT-----", version: "1", lastUpdatedMs: NOW },
    ],
  };

  drainListeners(options: DrainOptions): void {
    this.drains.push(options);
  }

  quit(): void {
    this.quits++;
  }

  async ask(path: string, method = "GET"): Promise<{ status: number; body: string }> {
    const answer = await proxyAdmin(this)(new Request(`http://127.0.0.1${path}`, { method }));
    return { status: answer.status, body: await answer.text() };
  }

  async json(path: string): Promise<unknown> {
    return JSON.parse((await this.ask(path)).body);
  }
}

describe("proxyAdmin()", () => {
  test.each([
    ["LIVE", 200],
    ["DRAINING", 503],
    ["PRE_INITIALIZING", 503],
    ["INITIALIZING", 503],
  ] as const)("/ready says %s with %i", async (state, status) => {
    const proxy = new FakeProxy();
    proxy.state = state;
    expect(await proxy.ask("/ready")).toEqual({ status, body: `${state}\n` });
  });

  test("/clusters prints Envoy's lines in Envoy's order", async () => {
    expect((await new FakeProxy().ask("/clusters")).body.split("\n")).toEqual([
      "c1::observability_name::c1",
      "c1::default_priority::max_connections::1024",
      "c1::default_priority::max_pending_requests::1024",
      "c1::default_priority::max_requests::1024",
      "c1::default_priority::max_retries::3",
      "c1::high_priority::max_connections::1024",
      "c1::high_priority::max_pending_requests::1024",
      "c1::high_priority::max_requests::1024",
      "c1::high_priority::max_retries::3",
      "c1::added_via_api::false",
      "c1::127.0.0.1:1::cx_active::1",
      "c1::127.0.0.1:1::cx_connect_fail::2",
      "c1::127.0.0.1:1::cx_total::3",
      "c1::127.0.0.1:1::rq_active::4",
      "c1::127.0.0.1:1::rq_error::5",
      "c1::127.0.0.1:1::rq_success::6",
      "c1::127.0.0.1:1::rq_timeout::7",
      "c1::127.0.0.1:1::rq_total::8",
      "c1::127.0.0.1:1::hostname::",
      "c1::127.0.0.1:1::health_flags::healthy",
      "c1::127.0.0.1:1::weight::1",
      "c1::127.0.0.1:1::region::",
      "c1::127.0.0.1:1::zone::",
      "c1::127.0.0.1:1::sub_zone::",
      "c1::127.0.0.1:1::canary::false",
      "c1::127.0.0.1:1::priority::0",
      "c1::127.0.0.1:1::success_rate::-1",
      "c1::127.0.0.1:1::local_origin_success_rate::-1",
      "",
    ]);
  });

  test("/clusters shows what is wrong with an endpoint, and where it is", async () => {
    const proxy = new FakeProxy();
    const [cluster] = proxy.clusters;
    const endpoints = [
      { ...ENDPOINT, address: "::1", ejected: true, edsHealth: "UNHEALTHY" as const },
      { ...ENDPOINT, address: "", path: "/run/a.sock" },
    ];
    proxy.clusters = [{ ...cluster!, endpoints }];
    const { body } = await proxy.ask("/clusters?filter=^c");
    expect(body).toContain("c1::[::1]:1::health_flags::/failed_outlier_check/failed_eds_health\n");
    expect(body).toContain("c1::/run/a.sock::weight::1\n");
    expect(await proxy.json("/clusters?format=json")).toMatchObject({
      cluster_statuses: [
        {
          name: "c1",
          host_statuses: [
            {
              address: { socket_address: { address: "::1", port_value: 1 } },
              health_status: { failed_outlier_check: true, eds_health_status: "UNHEALTHY" },
            },
            { address: { pipe: { path: "/run/a.sock" } } },
          ],
        },
      ],
    });
    expect((await proxy.ask("/clusters?filter=nothing")).body).toBe("");
    expect((await proxy.ask("/clusters?filter=(")).status).toBe(400);
  });

  test("/config_dump has Envoy's parts, endpoints when asked for, and no key", async () => {
    const proxy = new FakeProxy();
    const dump = (await proxy.json("/config_dump")) as { configs: Record<string, unknown>[] };
    expect(dump.configs.map((c) => String(c["@type"]).replace("type.googleapis.com/envoy.admin.v3.", ""))).toEqual([
      "BootstrapConfigDump",
      "ClustersConfigDump",
      "ListenersConfigDump",
      "RoutesConfigDump",
      "SecretsConfigDump",
    ]);
    expect(dump.configs[1]).toMatchObject({
      static_clusters: [{ cluster: { name: "c1" }, last_updated: "2026-06-01T00:00:00Z" }],
      dynamic_active_clusters: [{ version_info: "v7", cluster: { name: "c2" }, client_status: "ACKED" }],
      dynamic_warming_clusters: [
        { version_info: "v8", client_status: "NACKED", error_state: { details: "no", version_info: "v9" } },
      ],
    });
    expect(dump.configs[2]).toMatchObject({
      dynamic_listeners: [{ name: "l1", active_state: { version_info: "v1", listener: { name: "l1" } } }],
    });
    const chain = Buffer.from("-----CHAIN-----").toString("base64");
    expect(dump.configs[4]).toMatchObject({
      dynamic_active_secrets: [
        {
          name: "default",
          secret: { tls_certificate: { certificate_chain: { inline_bytes: chain } } },
        },
        { name: "ROOTCA" },
      ],
    });
    expect(JSON.stringify(dump)).toContain("[redacted]");
    const named = JSON.stringify(await proxy.json("/config_dump?include_eds&name_regex=^c2$"));
    expect([named.includes("EndpointsConfigDump"), named.includes('"c2"'), named.includes('"c1"')]).toEqual([
      true,
      true,
      false,
    ]);
  });

  test("/listeners, /certs and /server_info", async () => {
    const proxy = new FakeProxy();
    expect((await proxy.ask("/listeners")).body).toBe("l1::127.0.0.1:19902\n");
    expect(await proxy.json("/listeners?format=json")).toEqual({
      listener_statuses: [
        { name: "l1", local_address: { socket_address: { address: "127.0.0.1", port_value: 19_902 } } },
      ],
    });
    expect(await proxy.json("/certs")).toEqual({
      certificates: [
        {
          ca_cert: [],
          cert_chain: [
            {
              path: "sds: default",
              serial_number: "ab01",
              subject_alt_names: [{ uri: "spiffe://a/b" }, { dns: "x" }],
              days_until_expiration: "2",
              valid_from: "2026-06-01T00:00:00.000Z",
              expiration_time: "2026-06-03T12:00:00.000Z",
            },
          ],
        },
      ],
    });
    expect(await proxy.json("/server_info")).toMatchObject({
      version: "tulle/0.1.0",
      state: "LIVE",
      uptime_current_epoch: "12s",
      command_line_options: { config_path: "e.json", service_node: "n1" },
    });
  });

  test("/stats in plain text, filtered, and for Prometheus", async () => {
    const proxy = new FakeProxy();
    proxy.registry.counter({ name: "alpha_total", help: "A" }).add(3);
    proxy.registry.counter({ name: "beta_total", help: "B" }).add(1);
    expect((await proxy.ask("/stats")).body).toBe("alpha_total: 3\nbeta_total: 1\n");
    expect((await proxy.ask("/stats?filter=alp")).body).toBe("alpha_total: 3\n");
    expect((await proxy.ask(`/stats?filter=${"x".repeat(300)}`)).status).toBe(400);
    const prometheus = (await proxy.ask("/stats/prometheus")).body;
    expect(prometheus).toContain("# TYPE alpha_total counter\nalpha_total 3\n");
    expect((await proxy.ask("/stats?format=prometheus")).body).toBe(prometheus);
  });

  test("what changes something is asked for by POST alone", async () => {
    const proxy = new FakeProxy();
    for (const path of ["/quitquitquit", "/drain_listeners", "/logging?level=debug"])
      expect(await proxy.ask(path)).toEqual({ status: 405, body: "Method GET not allowed, POST required." });
    expect([proxy.quits, proxy.drains.length, proxy.logLevel]).toEqual([0, 0, "info"]);
    expect((await proxy.ask("/quitquitquit", "POST")).body).toBe("OK\n");
    await proxy.ask("/drain_listeners?inboundonly&graceful", "POST");
    expect(proxy.drains).toEqual([{ graceful: true, inboundOnly: true, skipExit: false }]);
    expect((await proxy.ask("/logging?level=warning", "POST")).body).toBe("active loggers:\n  all: warning\n");
    expect(proxy.logLevel).toBe("warn");
    expect((await proxy.ask("/logging?level=bogus", "POST")).status).toBe(400);
    expect((await proxy.ask("/ready", "DELETE")).status).toBe(405);
  });

  test("lists what there is", async () => {
    const proxy = new FakeProxy();
    const { body } = await proxy.ask("/");
    expect(body).toStartWith("admin commands are:\n");
    expect((await proxy.ask("/help")).body).toBe(body);
    expect(await proxy.ask("/nope")).toEqual({ status: 404, body: expect.stringContaining("  /quitquitquit (POST):") });
  });
});

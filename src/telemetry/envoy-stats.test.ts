import { describe, expect, test } from "bun:test";
import { clusterStats, httpStats, listenerStats } from "./envoy-stats.ts";
import { plainStats } from "./plain-stats.ts";
import { prometheusText } from "./prometheus.ts";
import { Registry } from "./registry.ts";

const NAME = "outbound|9080|v1|reviews.default.svc.cluster.local";

const plain = (registry: Registry): string[] => plainStats(registry).split("\n");
const prometheus = (registry: Registry): string[] => [...prometheusText(registry)].join("").split("\n");

describe("Envoy's statistics", () => {
  test("a cluster's, in both forms", () => {
    const registry = new Registry();
    const { stats } = clusterStats(registry, NAME);
    stats.rqTotal.add(3);
    stats.cxActive.set(2);
    stats.ejectionsActive.add(1);
    expect(plain(registry)).toContain(`cluster.${NAME}.upstream_rq_total: 3`);
    expect(plain(registry)).toContain(`cluster.${NAME}.upstream_cx_active: 2`);
    expect(plain(registry)).toContain(`cluster.${NAME}.outlier_detection.ejections_active: 1`);
    expect(plain(registry)).toContain(`cluster.${NAME}.upstream_cx_overflow: 0`);
    expect(prometheus(registry)).toContain(`envoy_cluster_upstream_rq_total{envoy_cluster_name="${NAME}"} 3`);
    expect(prometheus(registry)).toContain("# TYPE envoy_cluster_upstream_cx_active gauge");
    expect(prometheus(registry)).toContain(
      `envoy_cluster_outlier_detection_ejections_active{envoy_cluster_name="${NAME}"} 1`,
    );
  });

  test("responses by code and class", () => {
    const registry = new Registry();
    const cluster = clusterStats(registry, "c");
    for (const code of [200, 204, 503, 503, 0, 99, 600, Number.NaN]) cluster.response(code);
    expect(plain(registry).filter((line) => /_rq_\w*(xx|\d)/.test(line))).toEqual([
      "cluster.c.upstream_rq_200: 1",
      "cluster.c.upstream_rq_204: 1",
      "cluster.c.upstream_rq_2xx: 2",
      "cluster.c.upstream_rq_503: 2",
      "cluster.c.upstream_rq_5xx: 2",
    ]);
    expect(prometheus(registry)).toContain(
      'envoy_cluster_upstream_rq{envoy_cluster_name="c",envoy_response_code="503"} 2',
    );
    expect(prometheus(registry)).toContain(
      'envoy_cluster_upstream_rq_xx{envoy_cluster_name="c",envoy_response_code_class="2"} 2',
    );
  });

  test("connection managers and listeners", () => {
    const registry = new Registry();
    const http = httpStats(registry, "inbound_0.0.0.0_9080");
    http.stats.rbacDenied.add();
    http.response(403);
    listenerStats(registry, "127.0.0.1:15006").stats.sslHandshake.add();
    expect(plain(registry)).toContain("http.inbound_0.0.0.0_9080.rbac.denied: 1");
    expect(plain(registry)).toContain("http.inbound_0.0.0.0_9080.downstream_rq_4xx: 1");
    expect(plain(registry)).toContain("listener.127.0.0.1_15006.ssl.handshake: 1");
    expect(prometheus(registry)).toContain(
      'envoy_http_rbac_denied{envoy_http_conn_manager_prefix="inbound_0.0.0.0_9080"} 1',
    );
    expect(prometheus(registry)).toContain('envoy_listener_ssl_handshake{envoy_listener_address="127.0.0.1_15006"} 1');
  });

  test("stay while idle, go with their cluster", () => {
    const registry = new Registry({ idleMs: 1 });
    const [one, two] = [clusterStats(registry, "one"), clusterStats(registry, "two")];
    one.response(200);
    two.response(200);
    registry.sweep(0);
    registry.sweep(10);
    expect(plain(registry)).toContain("cluster.one.upstream_rq_200: 1");
    one.remove();
    expect(plain(registry).some((line) => line.startsWith("cluster.one."))).toBeFalse();
    expect(plain(registry)).toContain("cluster.two.upstream_rq_200: 1");
  });
});

import { describe, expect, test } from "bun:test";
import type { TrafficLabels } from "./istio-labels.ts";
import { IstioMetrics } from "./istio-metrics.ts";
import { plainStats } from "./plain-stats.ts";
import { prometheusText } from "./prometheus.ts";
import { Registry } from "./registry.ts";

const TRAFFIC: TrafficLabels = {
  reporter: "destination",
  source: { workload: "productpage-v1", namespace: "default", principal: "spiffe://td/ns/default/sa/productpage" },
  destination: {
    workload: "reviews-v2",
    namespace: "shop",
    app: "reviews",
    version: "v2",
    canonicalService: "reviews",
  },
  service: { host: "reviews.shop.svc.cluster.local", name: "reviews", namespace: "shop" },
  protocol: "http",
  mutualTls: true,
};

const lines = (registry: Registry, start: string): string[] =>
  [...prometheusText(registry)]
    .join("")
    .split("\n")
    .filter((line) => line.startsWith(start));

describe("Istio's standard metrics", () => {
  test("a request has all labels, with Istio's words for what is missing", () => {
    const registry = new Registry();
    new IstioMetrics(registry).requestSeries(TRAFFIC).record(200, "", -1, 7, 0, 1234);
    expect(lines(registry, "istio_requests_total")).toEqual([
      'istio_requests_total{connection_security_policy="mutual_tls",destination_app="reviews",' +
        'destination_canonical_revision="unknown",destination_canonical_service="reviews",destination_cluster="unknown",' +
        'destination_principal="unknown",destination_service="reviews.shop.svc.cluster.local",' +
        'destination_service_name="reviews",destination_service_namespace="shop",destination_version="v2",' +
        'destination_workload="reviews-v2",destination_workload_namespace="shop",grpc_response_status="",' +
        'reporter="destination",request_protocol="http",response_code="200",response_flags="-",source_app="unknown",' +
        'source_canonical_revision="unknown",source_canonical_service="unknown",source_cluster="unknown",' +
        'source_principal="spiffe://td/ns/default/sa/productpage",source_version="unknown",' +
        'source_workload="productpage-v1",source_workload_namespace="default"} 1',
    ]);
    const bucket = (metric: string, le: string): string =>
      lines(registry, `${metric}_bucket`)
        .find((line) => line.includes(`le="${le}"`))
        ?.slice(-2) ?? "";
    expect([
      bucket("istio_request_duration_milliseconds", "5"),
      bucket("istio_request_duration_milliseconds", "10"),
    ]).toEqual([" 0", " 1"]);
    expect([bucket("istio_request_bytes", "0.5"), bucket("istio_response_bytes", "1000")]).toEqual([" 1", " 0"]);
    expect(lines(registry, "istio_response_bytes_sum")[0]).toEndWith(" 1234");
  });

  test("the source does not report the security policy; plaintext reads none", () => {
    const registry = new Registry();
    const metrics = new IstioMetrics(registry);
    metrics.requestSeries({ ...TRAFFIC, reporter: "source" }).record(200, "", -1, 1, 1, 1);
    metrics.requestSeries({ ...TRAFFIC, mutualTls: false }).record(200, "", -1, 1, 1, 1);
    expect(lines(registry, "istio_requests_total").map((line) => /policy="(\w+)"/.exec(line)?.[1])).toEqual([
      "unknown",
      "none",
    ]);
  });

  test("status, flags and gRPC status tell series apart, in any order of requests", () => {
    const registry = new Registry();
    const series = new IstioMetrics(registry).requestSeries({ ...TRAFFIC, protocol: "grpc" });
    const outcomes = [
      [200, "", 0],
      [503, "UF", 14],
      [503, "UF,URX", 14],
      [200, "", 5],
      [200, "", -1],
      [0, "DC", -1],
      [200, "", 99],
      [200, "", -7],
    ] as const;
    for (let round = 1; round <= 3; round++) {
      for (const [code, flags, grpc] of outcomes) series.record(code, flags, grpc, 1, 1, 1);
      series.record(200, "", 0, 1, 1, 1);
    }
    const seen = lines(registry, "istio_requests_total").map((line) => {
      const label = (name: string): string | undefined => new RegExp(`${name}="([^"]*)"`).exec(line)?.[1];
      return [
        label("response_code"),
        label("response_flags"),
        label("grpc_response_status"),
        line.split(" ").at(-1),
      ].join(" ");
    });
    expect(seen.sort()).toEqual([
      "0 DC  3",
      "200 -  3",
      "200 - 0 6",
      "200 - 5 3",
      "200 - unknown 6",
      "503 UF 14 3",
      "503 UF,URX 14 3",
    ]);
  });

  test("a forgotten series comes back with the next request", () => {
    const registry = new Registry({ idleMs: 1 });
    const series = new IstioMetrics(registry).requestSeries(TRAFFIC);
    series.record(200, "", -1, 1, 1, 1);
    registry.sweep(0);
    registry.sweep(10);
    expect(lines(registry, "istio_")).toEqual([]);
    series.record(200, "", -1, 1, 1, 1);
    expect(lines(registry, "istio_requests_total")[0]).toEndWith(" 1");
  });

  test("TCP and gRPC messages", () => {
    const registry = new Registry();
    const metrics = new IstioMetrics(registry);
    const tcp = metrics.tcpSeries({ ...TRAFFIC, protocol: "tcp" });
    tcp.opened.add();
    tcp.closed.add();
    tcp.sentBytes.add(10);
    tcp.receivedBytes.add(20);
    const messages = metrics.messageSeries({ ...TRAFFIC, protocol: "grpc" });
    messages.requests.add(3);
    messages.responses.add(4);
    const values = plainStats(registry)
      .split("\n")
      .map((line) => line.replace(/\{.*\}/, ""));
    expect(values).toEqual([
      "istio_request_messages_total: 3",
      "istio_response_messages_total: 4",
      "istio_tcp_connections_closed_total: 1",
      "istio_tcp_connections_opened_total: 1",
      "istio_tcp_received_bytes_total: 20",
      "istio_tcp_sent_bytes_total: 10",
      "",
    ]);
    expect(lines(registry, "istio_tcp_sent")[0]).not.toContain("response_code");
  });
});

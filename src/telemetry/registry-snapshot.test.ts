import { describe, expect, test } from "bun:test";
import { clusterStats } from "./envoy-stats.ts";
import { IstioMetrics } from "./istio-metrics.ts";
import { plainStats } from "./plain-stats.ts";
import { prometheusText } from "./prometheus.ts";
import { Registry } from "./registry.ts";
import { countsOf, mergedRegistry, snapshotOf } from "./registry-snapshot.ts";

const text = (registry: Registry): string => [...prometheusText(registry)].join("");

function worker(requests: number, durationMs: number): Registry {
  const registry = new Registry();
  const { stats } = clusterStats(registry, "outbound|80||a");
  stats.rqTotal.add(requests);
  stats.rqActive.add(2);
  stats.membershipTotal.set(3);
  stats.membershipChange.add(1);
  const series = new IstioMetrics(registry).requestSeries({
    reporter: "source",
    source: {},
    destination: {},
    service: { name: 'a"b' },
    protocol: "http",
    mutualTls: false,
  });
  for (let i = 0; i < requests; i++) series.record(200, "", -1, durationMs, 10, 20);
  return registry;
}

describe("the metrics of several processes", () => {
  test("of one process are its own, in both forms of text", () => {
    const registry = worker(3, 7);
    const merged = mergedRegistry([snapshotOf(registry)]);
    expect(text(merged)).toBe(text(registry));
    expect(plainStats(merged)).toBe(plainStats(registry));
  });

  test("add up; what both were told alike does not", () => {
    const merged = mergedRegistry([worker(3, 7), worker(4, 700)].map(snapshotOf));
    const plain = plainStats(merged);
    expect(plain).toContain("cluster.outbound|80||a.upstream_rq_total: 7\n");
    expect(plain).toContain("cluster.outbound|80||a.upstream_rq_active: 4\n");
    expect(plain).toContain("cluster.outbound|80||a.membership_total: 3\n");
    expect(plain).toContain("cluster.outbound|80||a.membership_change: 1\n");
    expect(text(merged)).toMatch(/istio_request_duration_milliseconds_bucket\{.*le="10"\} 3\n/);
    expect(text(merged)).toMatch(/istio_request_duration_milliseconds_count\{.*\} 7\n/);
  });

  test("survive a copy from process to process", () => {
    const snapshot = structuredClone(snapshotOf(worker(1, 1)));
    expect(text(mergedRegistry([snapshot]))).toBe(text(worker(1, 1)));
  });

  test("of one that has ended keep what it counted", () => {
    const ended = countsOf(snapshotOf(worker(5, 1)));
    const plain = plainStats(mergedRegistry([ended, snapshotOf(worker(1, 1))]));
    expect(plain).toContain("upstream_rq_total: 6\n");
    expect(plain).toContain("upstream_rq_active: 2\n");
  });
});

/**
 * What telemetry costs a request: `bun bench/telemetry.bench.ts`.
 *
 * Each case runs in rounds after a warm-up; printed is the best and the median round, nanoseconds an operation.
 */
import { randomFillSync } from "node:crypto";
import { systemClock } from "../src/base/clock.ts";
import { ENVOY_TEXT_FORMAT, ISTIO_JSON_FORMAT, ISTIO_TEXT_FORMAT } from "../src/telemetry/access-formats.ts";
import { jsonLine, textLine, type AccessLine } from "../src/telemetry/access-line.ts";
import { ACCESS_LINES_DROPPED, AccessLog } from "../src/telemetry/access-log.ts";
import type { AccessRecord } from "../src/telemetry/access-record.ts";
import { clusterStats, httpStats } from "../src/telemetry/envoy-stats.ts";
import { IstioMetrics } from "../src/telemetry/istio-metrics.ts";
import { prometheusText } from "../src/telemetry/prometheus.ts";
import { RandomIds } from "../src/telemetry/random-ids.ts";
import { Registry } from "../src/telemetry/registry.ts";
import { nextHop } from "../src/telemetry/trace-context.ts";

const ROUNDS = 15;
const OPERATIONS = 200_000;

function measure(name: string, operation: (i: number) => void, operations = OPERATIONS): void {
  const rounds: number[] = [];
  for (let round = 0; round < ROUNDS + 3; round++) {
    const startMs = systemClock.nowMs();
    for (let i = 0; i < operations; i++) operation(i);
    if (round >= 3) rounds.push(((systemClock.nowMs() - startMs) * 1e6) / operations);
  }
  rounds.sort((a, b) => a - b);
  const [best = 0, median = 0] = [rounds[0], rounds[ROUNDS >> 1]];
  process.stdout.write(
    `${name.padEnd(52)} best ${best.toFixed(0).padStart(6)} ns   median ${median.toFixed(0).padStart(6)} ns\n`,
  );
}

const registry = new Registry();
const ids = new RandomIds((bytes) => void randomFillSync(bytes));

/** As a request through two services of a mesh: strings are made anew, as a parser makes them. */
class Exchange implements AccessRecord {
  startWallMs = 1_790_000_000_000;
  method = "GET";
  path: string;
  originalPath = undefined;
  authority = "reviews.default.svc.cluster.local:9080";
  scheme = "http";
  protocol = "HTTP/1.1";
  responseCode = 200;
  responseFlags = "";
  responseCodeDetails = "via_upstream";
  connectionTerminationDetails = undefined;
  upstreamTransportFailureReason = undefined;
  bytesReceived = 0;
  bytesSent = 1234;
  durationMs = 7;
  requestDurationMs = 0;
  responseDurationMs = 6;
  responseTxDurationMs = 1;
  upstreamHost = "10.42.17.201:9080";
  upstreamCluster = "outbound|9080|v2|reviews.default.svc.cluster.local";
  upstreamLocalAddress = "10.42.3.4:43512";
  downstreamLocalAddress = "10.42.3.4:15001";
  downstreamRemoteAddress = "10.42.3.4:51234";
  requestedServerName = undefined;
  routeName = "default";
  upstreamRequestAttemptCount = 1;
  downstreamPeerUriSan = undefined;
  downstreamLocalUriSan = undefined;
  upstreamPeerUriSan = "spiffe://cluster.local/ns/default/sa/reviews";
  traceId = undefined;
  grpcStatus = undefined;
  readonly #headers: ReadonlyMap<string, string>;

  constructor(i: number) {
    this.startWallMs += i >> 3;
    this.path = `/reviews/${i}?details=true`;
    this.#headers = new Map([
      ["user-agent", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0"],
      ["x-request-id", ids.requestId()],
      ["x-forwarded-for", "10.1.2.3"],
    ]);
  }

  requestHeader(name: string): string | undefined {
    return this.#headers.get(name);
  }

  responseHeader(name: string): string | undefined {
    return name === "x-envoy-upstream-service-time" ? "6" : undefined;
  }
}

let written = 0;
function logOf(line: AccessLine): AccessLog {
  const dropped = registry.counter(ACCESS_LINES_DROPPED);
  return new AccessLog({
    line,
    clock: systemClock,
    dropped,
    sink: (bytes) => ((written += bytes.length), bytes.length),
  });
}

const series = new IstioMetrics(registry).requestSeries({
  reporter: "source",
  source: { workload: "productpage-v1", namespace: "default", app: "productpage", version: "v1" },
  destination: { workload: "reviews-v2", namespace: "default", app: "reviews", version: "v2" },
  service: { host: "reviews.default.svc.cluster.local", name: "reviews", namespace: "default" },
  protocol: "http",
  mutualTls: true,
});
const http = httpStats(registry, "outbound_0.0.0.0_9080");
const cluster = clusterStats(registry, "outbound|9080|v2|reviews.default.svc.cluster.local");
const exchanges = Array.from({ length: 64 }, (_, i) => new Exchange(i));
const constants = { hostname: "productpage-v1" };
const envoyText = logOf(textLine(ENVOY_TEXT_FORMAT, constants));
const istioText = logOf(textLine(ISTIO_TEXT_FORMAT, constants));
const istioJson = logOf(jsonLine(ISTIO_JSON_FORMAT, constants));
const exchangeAt = (i: number): Exchange => exchanges[i & 63] ?? new Exchange(i);

const recordMetrics = (i: number): void => series.record(200, "", -1, (i * 7) % 300, 0, (i * 37) % 20_000);
const recordMixed = (i: number): void =>
  series.record(i % 10 === 0 ? 503 : 200, i % 10 === 0 ? "UF" : "", -1, i % 300, 0, i % 20_000);
function recordStats(): void {
  http.stats.rqTotal.add();
  http.stats.rqActive.add(1);
  http.stats.rqActive.add(-1);
  http.stats.rqCompleted.add();
  http.response(200);
  cluster.stats.rqTotal.add();
  cluster.stats.rqActive.add(1);
  cluster.stats.rqActive.add(-1);
  cluster.stats.rqCompleted.add();
  cluster.response(200);
}

measure("Istio metrics: counter + 3 histograms", recordMetrics);
measure("Istio metrics, a tenth 503 UF", recordMixed);
measure("Envoy stats: 12 counters and gauges", recordStats);
measure("access log line, Envoy text", (i) => envoyText.record(exchangeAt(i)));
measure("access log line, Istio text", (i) => istioText.record(exchangeAt(i)));
measure("access log line, Istio JSON", (i) => istioJson.record(exchangeAt(i)));
measure("request in all: metrics + Istio text line", (i) => {
  recordMetrics(i);
  istioText.record(exchangeAt(i));
});
measure("  the same with Envoy stats", (i) => {
  recordMetrics(i);
  recordStats();
  istioText.record(exchangeAt(i));
});
let kept = 0;
measure("request id", () => void (kept += ids.requestId().length));
const incoming = "00-12345678901234567890123456789012-1234567890123456-01";
measure("trace context, continued", () => void (kept += nextHop(incoming, undefined, ids, 0.01).traceparent.length));
measure("trace context, new", () => void (kept += nextHop(undefined, undefined, ids, 0.01).traceparent.length));
measure("trace context, continued with tracestate", () => {
  kept += nextHop(incoming, "congo=t61rcWkgMzE,rojo=00f067aa0ba902b7", ids, 0.01).traceparent.length;
});
for (let i = 0; i < 400; i++) clusterStats(registry, `outbound|${i}||service-${i}.default.svc.cluster.local`);
measure("Prometheus text, 400 clusters", () => void (kept += [...prometheusText(registry)].length), 2);
process.stdout.write(`${written} bytes written, ${kept} kept\n`);

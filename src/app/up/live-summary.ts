/**
 * What goes through the mesh right now, read from the proxies' metrics: requests a second, the share that succeeded, and the
 * median response time, by the service that was called.
 *
 * @module
 */
import { httpGet } from "../../net/http-get.ts";
import { quantile, readMetrics, type Sample } from "./read-metrics.ts";

export interface ServiceTraffic {
  readonly service: string;
  readonly requestsPerSecond: number;
  /** 0 to 1. */
  readonly successRatio: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** Totals of a service since its proxies started. */
interface Totals {
  requests: number;
  failed: number;
  /** Cumulated counts by upper bound. */
  readonly buckets: Map<number, number>;
}

const REQUESTS = "istio_requests_total";
const BUCKETS = "istio_request_duration_milliseconds_bucket";

export class LiveSummary {
  readonly #adminUrls: readonly string[];
  #last = new Map<string, Totals>();
  #lastMs = 0;

  constructor(adminUrls: readonly string[]) {
    this.#adminUrls = [...new Set(adminUrls)];
  }

  /** Traffic since the last call; services without any are left out. A proxy that does not answer counts as silent. */
  async take(nowMs: number): Promise<ServiceTraffic[]> {
    const totals = new Map<string, Totals>();
    for (const samples of await Promise.all(this.#adminUrls.map(scrape)))
      for (const sample of samples) add(totals, sample);
    const seconds = (nowMs - this.#lastMs) / 1000;
    const found =
      this.#lastMs === 0 ? [] : [...totals].flatMap(([name, now]) => traffic(name, now, this.#last.get(name), seconds));
    this.#last = totals;
    this.#lastMs = nowMs;
    return found.sort((a, b) => (a.service < b.service ? -1 : 1));
  }
}

async function scrape(adminUrl: string): Promise<Sample[]> {
  try {
    const { body } = await httpGet(`${adminUrl}/stats/prometheus`, { timeoutMs: 1000 });
    return readMetrics(body, new Set([REQUESTS, BUCKETS]));
  } catch {
    return [];
  }
}

/** The receiving side counts: it sees calls from outside of the mesh as well. */
function add(totals: Map<string, Totals>, { name, labels, value }: Sample): void {
  if (labels["reporter"] !== "destination") return;
  const service = labels["destination_canonical_service"] ?? "unknown";
  const entry = totals.get(service) ?? { requests: 0, failed: 0, buckets: new Map<number, number>() };
  totals.set(service, entry);
  if (name === BUCKETS) {
    const bound = Number(labels["le"]?.replace("+Inf", "Infinity"));
    entry.buckets.set(bound, (entry.buckets.get(bound) ?? 0) + value);
    return;
  }
  entry.requests += value;
  if (Number(labels["response_code"]) >= 500 || labels["response_code"] === "0") entry.failed += value;
}

function traffic(service: string, now: Totals, last: Totals | undefined, seconds: number): ServiceTraffic[] {
  const requests = now.requests - (last?.requests ?? 0);
  if (requests <= 0 || seconds <= 0) return [];
  const failed = now.failed - (last?.failed ?? 0);
  const buckets = [...now.buckets].map(([bound, count]) => [bound, count - (last?.buckets.get(bound) ?? 0)] as const);
  return [
    {
      service,
      requestsPerSecond: requests / seconds,
      successRatio: 1 - failed / requests,
      p50Ms: quantile(0.5, buckets),
      p99Ms: quantile(0.99, buckets),
    },
  ];
}

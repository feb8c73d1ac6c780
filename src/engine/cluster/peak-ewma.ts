/**
 * How slow an endpoint is: a mean of its latencies that jumps up at once and comes down over time.
 *
 * Source: Finagle's peak EWMA (com.twitter.finagle.loadbalancer.PeakEwma). Of two endpoints that are drawn the one with the lower cost is
 * taken: latency × (requests that run + 1), divided by its weight. An endpoint that was never measured and has a request
 * is avoided until that has come back.
 *
 * @module
 */
import type { Endpoint } from "./endpoint.ts";

/** More than any latency. */
const UNKNOWN_MS = 1e9;

/** An answer, or the lack of one, took this long. */
export function observeLatency(endpoint: Endpoint, latencyMs: number, nowMs: number, decayMs: number): void {
  const decay = Math.exp(-Math.max(0, nowMs - endpoint.latencyAtMs) / decayMs);
  const faded = endpoint.latencyMs * decay;
  endpoint.latencyMs = latencyMs > faded ? latencyMs : endpoint.latencyMs * decay + latencyMs * (1 - decay);
  endpoint.latencyAtMs = nowMs;
}

export function costOf(endpoint: Endpoint, nowMs: number, decayMs: number): number {
  const { activeRequests, latencyMs, latencyAtMs, weight } = endpoint;
  if (latencyMs === 0) return activeRequests === 0 ? 0 : UNKNOWN_MS + activeRequests;
  return (latencyMs * Math.exp(-Math.max(0, nowMs - latencyAtMs) / decayMs) * (activeRequests + 1)) / weight;
}

/**
 * What a cluster carries at one routing priority, and whether it may carry more. As in Envoy the priorities know nothing of
 * each other: each has its thresholds, its counts and its connections.
 *
 * @module
 */
import { type Limits, mayRequest, mayRetry } from "../engine/cluster/limits.ts";
import { RecentRequests } from "../engine/cluster/recent-requests.ts";
import type { ConnectionCounts } from "./host-pool.ts";

export class CircuitBreaker {
  readonly limits: Limits;
  /** Kept by the pools. */
  readonly counts: ConnectionCounts = { connections: 0, pending: 0 };
  readonly load = { connections: 0, pendingRequests: 0, requests: 0, retries: 0 };

  readonly #nowMs: () => number;
  /** Where a retry budget looks back. */
  readonly #recent: RecentRequests | undefined;

  constructor(limits: Limits, nowMs: () => number) {
    this.limits = limits;
    this.#nowMs = nowMs;
    const intervalMs = limits.retryBudget?.intervalMs ?? 0;
    if (intervalMs > 0) this.#recent = new RecentRequests(intervalMs);
  }

  /** A request, or one more attempt at it, has been let through. */
  onRequest(): void {
    this.load.requests++;
    this.#recent?.add(this.#nowMs());
  }

  /** @param hasRoom There is a connection for it: as in Envoy, who must wait for one to open is pending too. */
  mayRequest(hasRoom: boolean): boolean {
    const { counts, limits } = this;
    return mayRequest(limits, this.load) && (hasRoom || counts.pending < limits.maxPendingRequests);
  }

  mayRetry(): boolean {
    return mayRetry(this.limits, this.load, this.#recent?.count(this.#nowMs()));
  }

  mayConnect(): boolean {
    return this.counts.connections < this.limits.maxConnections;
  }

  /** Nothing runs and no connection is open. */
  get isEmpty(): boolean {
    return this.load.requests === 0 && this.counts.connections === 0;
  }
}

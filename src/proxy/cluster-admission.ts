/**
 * What a cluster lets in: requests, retries and connections, by its circuit breakers, each counted.
 *
 * @module
 */
import type { CompiledCluster } from "../engine/cluster/cluster.ts";
import type { Endpoint } from "../engine/cluster/endpoint.ts";
import type { Priority } from "../engine/cluster/limits.ts";
import type { ClusterStats } from "../telemetry/envoy-stats.ts";
import { CircuitBreaker } from "./circuit-breaker.ts";
import type { UpstreamSource } from "./upstream.ts";

/** By routing priority. */
export type Breakers = Readonly<Record<Priority, CircuitBreaker>>;

/** What runs and waits now, at all priorities. */
export interface ClusterLoad {
  readonly connections: number;
  readonly pending: number;
  readonly requests: number;
  readonly retries: number;
}

export class ClusterAdmission {
  readonly breakers: Breakers;
  readonly #stats: ClusterStats["stats"];

  constructor({ limits }: Pick<CompiledCluster, "limits">, stats: ClusterStats["stats"], nowMs: () => number) {
    this.#stats = stats;
    this.breakers = {
      DEFAULT: new CircuitBreaker(limits.default, nowMs),
      HIGH: new CircuitBreaker(limits.high, nowMs),
    };
  }

  /** The circuit breaker of a routing priority. */
  breakerOf(priority: Priority): CircuitBreaker {
    return this.breakers[priority];
  }

  get load(): ClusterLoad {
    const { DEFAULT, HIGH } = this.breakers;
    return {
      connections: DEFAULT.counts.connections + HIGH.counts.connections,
      pending: DEFAULT.counts.pending + HIGH.counts.pending,
      requests: DEFAULT.load.requests + HIGH.load.requests,
      retries: DEFAULT.load.retries + HIGH.load.retries,
    };
  }

  /** Nothing runs and no connection is open. */
  get isEmpty(): boolean {
    return this.breakers.DEFAULT.isEmpty && this.breakers.HIGH.isEmpty;
  }

  /** Counts a request in, or says no: the circuit breaker is open. */
  admit(breaker: CircuitBreaker, source: UpstreamSource): boolean {
    if (!breaker.mayRequest(source.hasRoom)) {
      this.#stats.rqPendingOverflow.add(1);
      return false;
    }
    breaker.onRequest();
    this.#stats.rqTotal.add(1);
    this.#stats.rqActive.add(1);
    return true;
  }

  /** Counts out what {@link admit} counted in. */
  release(breaker: CircuitBreaker, endpoint: Endpoint): void {
    endpoint.activeRequests--;
    breaker.load.requests--;
    this.#stats.rqActive.add(-1);
  }

  /** Counts a retry in, or says no. */
  admitRetry(breaker: CircuitBreaker): boolean {
    if (!breaker.mayRetry()) {
      this.#stats.rqRetryOverflow.add(1);
      return false;
    }
    breaker.load.retries++;
    this.#stats.rqRetry.add(1);
    return true;
  }

  endRetry(breaker: CircuitBreaker, succeeded: boolean): void {
    breaker.load.retries--;
    if (succeeded) this.#stats.rqRetrySuccess.add(1);
  }

  /** @param byAnswer The answer said when to try again. */
  onBackoff(byAnswer: boolean): void {
    (byAnswer ? this.#stats.rqRetryByRateLimit : this.#stats.rqRetryByBackoff).add(1);
  }

  onRetryLimit(): void {
    this.#stats.rqRetryLimitExceeded.add(1);
  }

  /** Whether a circuit breaker lets another connection be opened for a TCP proxy, or a session for one of UDP. */
  mayConnect(): boolean {
    if (this.breakers.DEFAULT.mayConnect()) return true;
    this.#stats.cxOverflow.add(1);
    return false;
  }
}

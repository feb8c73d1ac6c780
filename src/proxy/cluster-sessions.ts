/**
 * What a cluster has of UDP: its sessions count as connections, as in Envoy, and its statistics come with the first.
 *
 * @module
 */
import type { UdpClusterStats } from "../telemetry/envoy-stats.ts";
import type { CircuitBreaker } from "./circuit-breaker.ts";

export class ClusterSessions {
  readonly stats: UdpClusterStats["stats"];
  readonly #breaker: CircuitBreaker;
  readonly #scope: UdpClusterStats;
  readonly #onGone: () => void;

  /** @param onGone A session has ended. */
  constructor(breaker: CircuitBreaker, scope: UdpClusterStats, onGone: () => void) {
    this.#breaker = breaker;
    this.#scope = scope;
    this.stats = scope.stats;
    this.#onGone = onGone;
  }

  begin(): void {
    this.#breaker.counts.connections++;
  }

  end(): void {
    this.#breaker.counts.connections--;
    this.#onGone();
  }

  forget(): void {
    this.#scope.remove();
  }
}

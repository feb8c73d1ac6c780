/**
 * The place that one attempt holds among a cluster's requests. It is given back once, however the attempt ends.
 *
 * @module
 */
import type { Endpoint } from "../engine/cluster/endpoint.ts";
import type { CircuitBreaker } from "./circuit-breaker.ts";
import type { ClusterRuntime } from "./cluster-runtime.ts";

export class ClusterHold {
  #cluster: ClusterRuntime | undefined;
  #breaker: CircuitBreaker | undefined;
  #endpoint: Endpoint | undefined;

  /** Keeps the place that the cluster's `admit` gave. */
  take(cluster: ClusterRuntime, breaker: CircuitBreaker, endpoint: Endpoint): void {
    this.#cluster = cluster;
    this.#breaker = breaker;
    this.#endpoint = endpoint;
    endpoint.activeRequests++;
  }

  /** The attempt is over. */
  release(): void {
    const cluster = this.#cluster;
    if (cluster === undefined) return;
    this.#cluster = undefined;
    cluster.release(this.#breaker as CircuitBreaker, this.#endpoint as Endpoint);
    this.#endpoint = undefined;
  }
}

/**
 * What traffic teaches of a cluster's endpoints: how calls to them ended is counted, and those that fail too much are ejected.
 *
 * @module
 */
import type { Clock, Timer } from "../base/clock.ts";
import type { Random } from "../base/random.ts";
import type { CompiledCluster } from "../engine/cluster/cluster.ts";
import type { Endpoint } from "../engine/cluster/endpoint.ts";
import type { EndpointSet } from "../engine/cluster/endpoints.ts";
import { type Ejection, OutlierDetector, type OutlierResult, resultOfStatus } from "../engine/cluster/outlier.ts";
import type { ClusterStats } from "../telemetry/envoy-stats.ts";
import { type Failure, isTryTimeout } from "./failure.ts";

export interface OutcomeServices {
  readonly clock: Clock;
  readonly random: Random;
}

export class ClusterOutcomes {
  readonly #compiled: CompiledCluster;
  readonly #stats: ClusterStats;
  readonly #clock: Clock;
  readonly #onEjection: () => void;
  readonly #outlier: OutlierDetector | undefined;
  #timer: Timer | undefined;
  #isClosed = false;

  /** @param onEjection An endpoint was ejected, or may have come back. */
  constructor(
    compiled: CompiledCluster,
    stats: ClusterStats,
    endpoints: EndpointSet,
    { clock, random }: OutcomeServices,
    onEjection: () => void,
  ) {
    this.#compiled = compiled;
    this.#stats = stats;
    this.#clock = clock;
    this.#onEjection = onEjection;
    if (compiled.outlier === undefined) return;
    this.#outlier = new OutlierDetector(compiled.outlier, endpoints, random);
    this.#scheduleTick(compiled.outlier.intervalMs);
  }

  onResponse(endpoint: Endpoint, status: number): void {
    this.#stats.response(status);
    this.onVerdict(endpoint, status);
  }

  /** The head of an answer whose verdict follows in its trailers. */
  onResponseBegun(status: number): void {
    this.#stats.response(status);
  }

  /** Whether the endpoint served a request well, as an HTTP status. */
  onVerdict(endpoint: Endpoint, status: number): void {
    endpoint.requestsTotal++;
    if (status >= 500) endpoint.requestsFailed++;
    if (this.#outlier !== undefined) this.#learn(endpoint, resultOfStatus(status, this.#compiled.http.isError));
  }

  onFailure(endpoint: Endpoint, failure: Failure): void {
    endpoint.requestsTotal++;
    endpoint.requestsFailed++;
    const { stats } = this.#stats;
    if (failure.kind === "upstreamTimeout") stats.rqTimeout.add(1);
    else if (failure.kind === "perTryTimeout") stats.rqPerTryTimeout.add(1);
    else if (failure.kind === "perTryIdleTimeout") stats.rqPerTryIdleTimeout.add(1);
    else if (failure.requestSent) stats.rqRxReset.add(1);
    const timedOut = failure.kind === "upstreamTimeout" || isTryTimeout(failure.kind);
    if (this.#outlier !== undefined) this.#learn(endpoint, timedOut ? "timeout" : "connectFailure");
  }

  onConnected(endpoint: Endpoint): void {
    if (this.#outlier !== undefined) this.#learn(endpoint, "connectSuccess");
  }

  /** A health check found it well again. */
  onCheckPassed(endpoint: Endpoint): void {
    if (this.#outlier?.onCheckPassed(endpoint, this.#clock.nowMs())) this.#onEjection();
  }

  #learn(endpoint: Endpoint, result: OutlierResult): void {
    const ejection = this.#outlier?.onResult(endpoint, result, this.#clock.nowMs());
    if (ejection !== undefined) this.#countEjection(ejection);
  }

  #countEjection(ejection: Ejection): void {
    const { stats } = this.#stats;
    if (ejection.outcome === "overflow") stats.ejectionsOverflow.add(1);
    if (ejection.cause === "consecutive5xx") stats.ejectionsDetectedConsecutive5xx.add(1);
    if (ejection.outcome !== "enforced") return;
    stats.ejectionsEnforcedTotal.add(1);
    if (ejection.cause === "consecutive5xx") stats.ejectionsEnforcedConsecutive5xx.add(1);
    this.#onEjection();
  }

  #scheduleTick(intervalMs: number): void {
    this.#timer = this.#clock.after(intervalMs, () => {
      if (this.#isClosed) return;
      const report = this.#outlier?.tick(this.#clock.nowMs());
      for (const ejection of report?.ejections ?? []) this.#countEjection(ejection);
      this.#onEjection();
      this.#scheduleTick(intervalMs);
    });
  }

  /** Endpoints do not come back any more. */
  close(): void {
    this.#isClosed = true;
    this.#timer?.cancel();
  }
}

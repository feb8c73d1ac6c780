/**
 * What the results of checks make of an endpoint, and when it is checked next. No clock and no socket.
 *
 * Source: Envoy's `HealthCheckerImplBase::ActiveHealthCheckSession`: the first good result brings an endpoint in, later
 * ones must reach the threshold; a failure of the network counts towards a threshold, an answer that says "unhealthy" takes
 * it out at once, unless its status is retriable.
 *
 * Differs in the start: an endpoint of a cluster that is new is used until its first result, which decides at once. Envoy
 * holds the cluster back until then.
 *
 * @module
 */
import type { Random } from "../../base/random.ts";
import type { Endpoint } from "../cluster/endpoint.ts";
import type { CheckSettings } from "./health-check.ts";

/** `active`: it answered, and not well. `network`: there was no answer. */
export type CheckFailure = "active" | "network" | "networkTimeout";

export type CheckResult =
  | { readonly t: "passed"; readonly degraded: boolean }
  | {
      readonly t: "failed";
      readonly failure: CheckFailure;
      readonly retriable: boolean;
      /** In words, for the log. */
      readonly why: string;
    };

/** `changePending`: it is on its way to a change, and a threshold is not reached. */
export type Transition = "unchanged" | "changePending" | "changed";

/** Names of the events in Envoy's log of them. */
export type CheckEventKind =
  | "eject_unhealthy_event"
  | "add_healthy_event"
  | "health_check_failure_event"
  | "successful_health_check_event"
  | "degraded_healthy_host"
  | "no_longer_degraded_host";

export interface CheckEvent {
  readonly kind: CheckEventKind;
  readonly isFirst: boolean;
}

export interface CheckReport {
  readonly transition: Transition;
  readonly events: readonly CheckEvent[];
}

export class CheckState {
  readonly #settings: CheckSettings;
  readonly #endpoint: Endpoint;
  #isFirst: boolean;
  #passes = 0;
  #failures = 0;

  /**
   * @param endpoint Its `failedCheck` says how it starts.
   * @param isKnown It was checked before, by the cluster that this one takes the place of.
   */
  constructor(settings: CheckSettings, endpoint: Endpoint, isKnown: boolean) {
    this.#settings = settings;
    this.#endpoint = endpoint;
    this.#isFirst = !isKnown;
  }

  /** Writes a result to the endpoint. */
  onResult(result: CheckResult): CheckReport {
    const events: CheckEvent[] = [];
    const tell = (kind: CheckEventKind): void => void events.push({ kind, isFirst: this.#isFirst });
    const moved = result.t === "passed" ? this.#onPass(tell) : this.#onFailure(result, tell);
    const transition = this.#onDegraded(result, this.#endWait(moved), tell);
    this.#isFirst = false;
    return { transition, events };
  }

  /** The wait before the next check. @param hasTraffic Somebody has called the cluster. */
  nextMs(result: CheckResult, { transition }: CheckReport, hasTraffic: boolean, random: Random): number {
    const { intervals } = this.#settings;
    const pending = transition === "changePending";
    const passed = result.t === "passed";
    if (!hasTraffic)
      return jittered(
        passed && !pending ? intervals.noTrafficHealthyIntervalMs : intervals.noTrafficIntervalMs,
        intervals,
        random,
      );
    if (passed) return jittered(pending ? intervals.healthyEdgeIntervalMs : intervals.intervalMs, intervals, random);
    return jittered(pending ? intervals.unhealthyEdgeIntervalMs : intervals.unhealthyIntervalMs, intervals, random);
  }

  #onPass(tell: (kind: CheckEventKind) => void): Transition {
    const endpoint = this.#endpoint;
    this.#failures = 0;
    const moved = this.#admit(endpoint, tell);
    if (this.#settings.logsSuccesses) tell("successful_health_check_event");
    return moved;
  }

  #admit(endpoint: Endpoint, tell: (kind: CheckEventKind) => void): Transition {
    if (!endpoint.failedCheck) return "unchanged";
    this.#passes += 1;
    if (!this.#isFirst && this.#passes < this.#settings.healthyThreshold) return "changePending";
    endpoint.failedCheck = endpoint.checkTimedOut = endpoint.excluded = false;
    tell("add_healthy_event");
    return "changed";
  }

  #onFailure(result: Extract<CheckResult, { t: "failed" }>, tell: (kind: CheckEventKind) => void): Transition {
    const endpoint = this.#endpoint;
    this.#passes = 0;
    const moved = this.#takeOut(endpoint, result, tell);
    if (endpoint.failedCheck) endpoint.checkTimedOut = result.failure === "networkTimeout";
    if (this.#isFirst || this.#settings.logsFailures) tell("health_check_failure_event");
    return moved;
  }

  #takeOut(
    endpoint: Endpoint,
    { failure, retriable }: Extract<CheckResult, { t: "failed" }>,
    tell: (kind: CheckEventKind) => void,
  ): Transition {
    if (endpoint.failedCheck) return "unchanged";
    const atOnce = this.#isFirst || (failure === "active" && !retriable);
    if (!atOnce) this.#failures += 1;
    if (!atOnce && this.#failures < this.#settings.unhealthyThreshold) return "changePending";
    endpoint.failedCheck = true;
    tell("eject_unhealthy_event");
    return "changed";
  }

  /** Traffic was told to leave it (`x-envoy-immediate-health-check-fail`). False: nothing changes. */
  takeOutNow(): boolean {
    const endpoint = this.#endpoint;
    this.#passes = 0;
    if (endpoint.failedCheck && endpoint.excluded) return false;
    endpoint.failedCheck = endpoint.excluded = true;
    return true;
  }

  /** Any first result ends the wait of an endpoint that was left out of account until then. */
  #endWait(moved: Transition): Transition {
    if (!this.#endpoint.awaitsCheck) return moved;
    this.#endpoint.awaitsCheck = false;
    return "changed";
  }

  #onDegraded(result: CheckResult, moved: Transition, tell: (kind: CheckEventKind) => void): Transition {
    if (result.t === "failed" || result.degraded === this.#endpoint.degradedCheck) return moved;
    this.#endpoint.degradedCheck = result.degraded;
    tell(result.degraded ? "degraded_healthy_host" : "no_longer_degraded_host");
    return moved === "unchanged" ? "changed" : moved;
  }
}

/** At least 1 ms: a check must not follow itself at once for ever. */
function jittered(baseMs: number, { jitterMs, jitterPercent }: CheckSettings["intervals"], random: Random): number {
  const byShare = jitterPercent > 0 ? random() * ((baseMs * jitterPercent) / 100) : 0;
  const byTime = jitterMs > 0 ? random() * jitterMs : 0;
  return Math.max(1, Math.floor(baseMs + byShare + byTime));
}

/**
 * Ejects endpoints that fail: in a row at once, by their rates at the end of each interval; and takes them back.
 *
 * No clock is read here: the caller passes `nowMs` and calls {@link OutlierDetector.tick} every `settings.intervalMs`.
 * Source: Envoy's outlier detection (docs: arch_overview/upstream/outlier), its arithmetic included:
 * - an ejection needs (ejected + 1) / all ≤ `maxEjectionPercent`, or nobody ejected with `alwaysEjectOne`;
 * - it lasts base × (times in a row), at most the maximum, and a random part of the jitter;
 * - it ends at the first tick after that, and every quiet interval takes one step off the next.
 *
 * @module
 */
import type { Random } from "../../base/random.ts";
import type { Endpoint } from "./endpoint.ts";
import type { IsError } from "./outlier-errors.ts";
import type { EndpointSet } from "./endpoints.ts";
import { type RateOrigin, failurePercentageOutliers, ratesOf, successRateOutliers } from "./outlier-rates.ts";
import type { EjectionCause, OutlierSettings } from "./outlier-settings.ts";

/**
 * How an attempt on an endpoint went. The endpoint answered: `success` (below 500), `error5xx` (501, 505 …) or
 * `gatewayError` (502, 503, 504). Something happened on our side of it: `connectSuccess`, `connectFailure` (a reset before
 * the answer too) or `timeout`.
 */
export type OutlierResult = "success" | "error5xx" | "gatewayError" | "connectSuccess" | "connectFailure" | "timeout";

/** An ejection, or one that a percentage or the size of the cluster kept from happening. */
export interface Ejection {
  readonly endpoint: Endpoint;
  readonly cause: EjectionCause;
  /** `enforced`: it is out. `notEnforced`: `enforcing_…` drew against it. `overflow`: too many are out. */
  readonly outcome: "enforced" | "notEnforced" | "overflow";
}

export interface TickReport {
  readonly ejections: readonly Ejection[];
  readonly reinstated: readonly Endpoint[];
}

/** The result for the status of an answer. */
export function resultOfStatus(status: number, isError?: IsError | undefined): OutlierResult {
  if (isError !== undefined && !isError(status)) return "success";
  if (isError !== undefined && !(status >= 500 && status <= 599)) return "error5xx";
  if (status < 500 || status > 599) return "success";
  return status >= 502 && status <= 504 ? "gatewayError" : "error5xx";
}

export class OutlierDetector {
  readonly #settings: OutlierSettings;
  readonly #set: EndpointSet;
  readonly #random: Random;

  constructor(settings: OutlierSettings, set: EndpointSet, random: Random) {
    this.#settings = settings;
    this.#set = set;
    this.#random = random;
  }

  /** Counts a result. Returns the ejection when it was one too many. */
  onResult(endpoint: Endpoint, result: OutlierResult, nowMs: number): Ejection | undefined {
    switch (result) {
      case "connectSuccess":
        return this.#settings.splitLocalOrigin ? localGood(endpoint) : undefined;
      case "connectFailure":
      case "timeout":
        if (this.#settings.splitLocalOrigin) return this.#localFailure(endpoint, nowMs);
        return this.#answer(endpoint, "gatewayError", nowMs); // counts as a 503 or 504
      default:
        return this.#answer(endpoint, result, nowMs);
    }
  }

  /** Ends an interval: takes back whose time is over, then weighs the rates of the interval. */
  tick(nowMs: number): TickReport {
    const reinstated = this.#set.all.filter((endpoint) => isServed(endpoint, nowMs));
    for (const endpoint of reinstated) reinstate(endpoint, nowMs);
    if (reinstated.length > 0) this.#set.refresh();
    const ejections = [...this.#ejectByRate("answers", nowMs), ...this.#ejectByRate("local", nowMs)];
    for (const endpoint of this.#set.all) endInterval(endpoint, nowMs, this.#settings.intervalMs);
    return { ejections, reinstated };
  }

  /** An active health check passed: an ejected endpoint is back, unless the settings say to wait. True when it is. */
  onCheckPassed(endpoint: Endpoint, nowMs: number): boolean {
    if (!endpoint.ejected || endpoint.failedCheck || !this.#settings.uneject) return false;
    reinstate(endpoint, nowMs);
    this.#set.refresh();
    return true;
  }

  #answer(endpoint: Endpoint, result: OutlierResult, nowMs: number): Ejection | undefined {
    endpoint.answers += 1;
    if (result === "success") {
      endpoint.answersGood += 1;
      endpoint.consecutive5xx = 0;
      endpoint.consecutiveGatewayFailures = 0;
      return undefined;
    }
    const gateway = result === "gatewayError" ? this.#gatewayFailure(endpoint, nowMs) : noGatewayFailure(endpoint);
    endpoint.consecutive5xx += 1;
    if (endpoint.consecutive5xx !== this.#settings.consecutive5xx) return gateway;
    endpoint.consecutive5xx = 0;
    return this.#eject(endpoint, "consecutive5xx", nowMs) ?? gateway;
  }

  #gatewayFailure(endpoint: Endpoint, nowMs: number): Ejection | undefined {
    endpoint.consecutiveGatewayFailures += 1;
    if (endpoint.consecutiveGatewayFailures !== this.#settings.consecutiveGatewayFailures) return undefined;
    endpoint.consecutiveGatewayFailures = 0;
    return this.#eject(endpoint, "consecutiveGatewayFailure", nowMs);
  }

  #localFailure(endpoint: Endpoint, nowMs: number): Ejection | undefined {
    endpoint.localEvents += 1;
    endpoint.consecutiveLocalFailures += 1;
    if (endpoint.consecutiveLocalFailures !== this.#settings.consecutiveLocalFailures) return undefined;
    endpoint.consecutiveLocalFailures = 0;
    return this.#eject(endpoint, "consecutiveLocalOriginFailure", nowMs);
  }

  /** Undefined when it is out already or no longer in the set: such late results change nothing. */
  #eject(endpoint: Endpoint, cause: EjectionCause, nowMs: number): Ejection | undefined {
    if (endpoint.ejected || !endpoint.live) return undefined;
    if (!this.#hasRoom()) return { endpoint, cause, outcome: "overflow" };
    if (this.#random() * 100 >= this.#settings.enforce[cause]) return { endpoint, cause, outcome: "notEnforced" };
    this.#markEjected(endpoint, nowMs);
    this.#set.refresh();
    return { endpoint, cause, outcome: "enforced" };
  }

  #hasRoom(): boolean {
    const all = this.#set.all;
    const ejected = all.reduce((count, endpoint) => count + (endpoint.ejected ? 1 : 0), 0);
    if (ejected === 0 && this.#settings.alwaysEjectOne) return true;
    return (100 * (ejected + 1)) / all.length <= this.#settings.maxEjectionPercent;
  }

  #markEjected(endpoint: Endpoint, nowMs: number): void {
    const { baseEjectionTimeMs, maxEjectionTimeMs, maxEjectionJitterMs } = this.#settings;
    endpoint.ejected = true;
    endpoint.ejections += 1;
    endpoint.ejectedAtMs = nowMs;
    if (endpoint.ejectionBackoff * baseEjectionTimeMs < maxEjectionTimeMs + baseEjectionTimeMs)
      endpoint.ejectionBackoff += 1;
    const jitterMs = Math.floor(this.#random() * (maxEjectionJitterMs + 1));
    endpoint.ejectedForMs = Math.min(baseEjectionTimeMs * endpoint.ejectionBackoff, maxEjectionTimeMs) + jitterMs;
  }

  #ejectByRate(origin: RateOrigin, nowMs: number): Ejection[] {
    const local = origin === "local";
    const rates = ratesOf(this.#set.all, origin);
    const bySuccess = successRateOutliers(rates, this.#settings.successRate);
    const byFailure = failurePercentageOutliers(rates, this.#settings.failurePercentage);
    const successCause = local ? "successRateLocalOrigin" : "successRate";
    const failureCause = local ? "failurePercentageLocalOrigin" : "failurePercentage";
    return [
      ...bySuccess.map((endpoint) => this.#eject(endpoint, successCause, nowMs)),
      ...byFailure.map((endpoint) => this.#eject(endpoint, failureCause, nowMs)),
    ].filter((ejection) => ejection !== undefined);
  }
}

function localGood(endpoint: Endpoint): undefined {
  endpoint.localEvents += 1;
  endpoint.localEventsGood += 1;
  endpoint.consecutiveLocalFailures = 0;
}

function noGatewayFailure(endpoint: Endpoint): undefined {
  endpoint.consecutiveGatewayFailures = 0;
}

const isServed = (endpoint: Endpoint, nowMs: number): boolean =>
  endpoint.ejected && nowMs - endpoint.ejectedAtMs >= endpoint.ejectedForMs;

/** A clean sheet: a counter that stood one short of the limit must not eject it again at the first failure. */
function reinstate(endpoint: Endpoint, nowMs: number): void {
  endpoint.ejected = false;
  endpoint.unejectedAtMs = nowMs;
  endpoint.consecutive5xx = 0;
  endpoint.consecutiveGatewayFailures = 0;
  endpoint.consecutiveLocalFailures = 0;
}

function endInterval(endpoint: Endpoint, nowMs: number, intervalMs: number): void {
  endpoint.answers = 0;
  endpoint.answersGood = 0;
  endpoint.localEvents = 0;
  endpoint.localEventsGood = 0;
  const quiet = !endpoint.ejected && nowMs - endpoint.unejectedAtMs >= intervalMs;
  if (quiet && endpoint.ejectionBackoff > 0) endpoint.ejectionBackoff -= 1;
}

/**
 * Which endpoints stand out by their success rate in an interval.
 *
 * Source: `success_rate_*` and `failure_percentage_*` of `envoy/config/cluster/v3/outlier_detection.proto`.
 *
 * @module
 */
import type { Endpoint } from "./endpoint.ts";
import type { OutlierSettings } from "./outlier-settings.ts";

/** Rates over the answers of endpoints, or over what happened on our side of them. */
export type RateOrigin = "answers" | "local";

/** How one endpoint did. */
export interface Rate {
  readonly endpoint: Endpoint;
  readonly requests: number;
  /** 0 to 100. */
  readonly successPercent: number;
}

export function ratesOf(all: readonly Endpoint[], origin: RateOrigin): Rate[] {
  return all.flatMap((endpoint) => {
    const requests = origin === "local" ? endpoint.localEvents : endpoint.answers;
    const good = origin === "local" ? endpoint.localEventsGood : endpoint.answersGood;
    return endpoint.ejected || requests === 0 ? [] : [{ endpoint, requests, successPercent: (good * 100) / requests }];
  });
}

/** Endpoints below mean − factor × standard deviation, when enough endpoints had enough requests. */
export function successRateOutliers(rates: readonly Rate[], rule: OutlierSettings["successRate"]): Endpoint[] {
  const valid = rates.filter((rate) => rate.requests >= rule.minRequests);
  if (valid.length === 0 || valid.length < rule.minEndpoints) return [];
  const mean = valid.reduce((sum, rate) => sum + rate.successPercent, 0) / valid.length;
  const variance = valid.reduce((sum, rate) => sum + (rate.successPercent - mean) ** 2, 0) / valid.length;
  const threshold = mean - rule.stdevFactor * Math.sqrt(variance);
  return valid.filter((rate) => rate.successPercent < threshold).map((rate) => rate.endpoint);
}

/** Endpoints at or above a share of failures, when enough endpoints had enough requests. */
export function failurePercentageOutliers(
  rates: readonly Rate[],
  rule: OutlierSettings["failurePercentage"],
): Endpoint[] {
  const valid = rates.filter((rate) => rate.requests >= rule.minRequests);
  if (valid.length === 0 || valid.length < rule.minEndpoints) return [];
  return valid.filter((rate) => 100 - rate.successPercent >= rule.thresholdPercent).map((rate) => rate.endpoint);
}

/**
 * Settings of outlier detection.
 *
 * Units: durations are milliseconds and end in `Ms`; percentages are 0 to 100; counts are whole numbers.
 * Source: `envoy/config/cluster/v3/outlier_detection.proto`, defaults as there.
 * Not here: monitor extensions.
 *
 * @module
 */
import { CompileError, refuseOthers } from "../compile-error.ts";
import type { OutlierDetection } from "../../xds/proto/cluster-health.ts";

export interface OutlierSettings {
  readonly intervalMs: number;
  readonly baseEjectionTimeMs: number;
  readonly maxEjectionTimeMs: number;
  readonly maxEjectionJitterMs: number;
  readonly maxEjectionPercent: number;
  readonly alwaysEjectOne: boolean;
  /** An active health check that passes ends an ejection. */
  readonly uneject: boolean;
  /** Failures to reach an endpoint are counted apart from its answers. */
  readonly splitLocalOrigin: boolean;
  /** 0 turns a count off. */
  readonly consecutive5xx: number;
  readonly consecutiveGatewayFailures: number;
  readonly consecutiveLocalFailures: number;
  readonly successRate: RateRule & {
    /** Ejected below mean − factor × standard deviation. */ readonly stdevFactor: number;
  };
  readonly failurePercentage: RateRule & { readonly thresholdPercent: number };
  readonly enforce: Readonly<Record<EjectionCause, number>>;
}

/** When rates of an interval say anything. */
export interface RateRule {
  readonly minEndpoints: number;
  readonly minRequests: number;
}

/** Why an endpoint was ejected; the names of Envoy's ejection types. */
export type EjectionCause =
  | "consecutive5xx"
  | "consecutiveGatewayFailure"
  | "consecutiveLocalOriginFailure"
  | "successRate"
  | "successRateLocalOrigin"
  | "failurePercentage"
  | "failurePercentageLocalOrigin";

const KNOWN = new Set([
  "interval",
  "baseEjectionTime",
  "maxEjectionTime",
  "maxEjectionTimeJitter",
  "maxEjectionPercent",
  "alwaysEjectOneHost",
  "splitExternalLocalOriginErrors",
  "consecutive5xx",
  "consecutiveGatewayFailure",
  "consecutiveLocalOriginFailure",
  "successRateMinimumHosts",
  "successRateRequestVolume",
  "successRateStdevFactor",
  "failurePercentageThreshold",
  "failurePercentageMinimumHosts",
  "failurePercentageRequestVolume",
  "enforcingConsecutive5xx",
  "enforcingConsecutiveGatewayFailure",
  "enforcingConsecutiveLocalOriginFailure",
  "enforcingSuccessRate",
  "enforcingLocalOriginSuccessRate",
  "enforcingFailurePercentage",
  "enforcingFailurePercentageLocalOrigin",
  "successfulActiveHealthCheckUnejectHost",
]);

/** @throws CompileError for values out of range and fields that are not supported. */
export function compileOutlier(message: OutlierDetection | undefined, path: string): OutlierSettings | undefined {
  if (message === undefined) return undefined;
  refuseOthers(message, path, KNOWN);
  const baseEjectionTimeMs = message.baseEjectionTime ?? 30_000;
  const maxEjectionTimeMs = message.maxEjectionTime ?? Math.max(300_000, baseEjectionTimeMs);
  if (maxEjectionTimeMs < baseEjectionTimeMs)
    throw new CompileError(
      `${path}.max_ejection_time`,
      `must be at least base_ejection_time (${baseEjectionTimeMs} ms), found ${maxEjectionTimeMs} ms`,
    );
  const intervalMs = message.interval ?? 10_000;
  if (intervalMs <= 0) throw new CompileError(`${path}.interval`, `must be above 0, found ${intervalMs} ms`);
  return {
    intervalMs,
    baseEjectionTimeMs,
    maxEjectionTimeMs,
    maxEjectionJitterMs: message.maxEjectionTimeJitter ?? 0,
    maxEjectionPercent: Math.min(100, message.maxEjectionPercent ?? 10),
    alwaysEjectOne: message.alwaysEjectOneHost ?? false,
    uneject: message.successfulActiveHealthCheckUnejectHost ?? true,
    splitLocalOrigin: message.splitExternalLocalOriginErrors ?? false,
    consecutive5xx: message.consecutive5xx ?? 5,
    consecutiveGatewayFailures: message.consecutiveGatewayFailure ?? 5,
    consecutiveLocalFailures: message.consecutiveLocalOriginFailure ?? 5,
    successRate: {
      minEndpoints: message.successRateMinimumHosts ?? 5,
      minRequests: message.successRateRequestVolume ?? 100,
      stdevFactor: (message.successRateStdevFactor ?? 1900) / 1000,
    },
    failurePercentage: {
      minEndpoints: message.failurePercentageMinimumHosts ?? 5,
      minRequests: message.failurePercentageRequestVolume ?? 50,
      thresholdPercent: message.failurePercentageThreshold ?? 85,
    },
    enforce: enforcement(message),
  };
}

function enforcement(message: OutlierDetection): OutlierSettings["enforce"] {
  return {
    consecutive5xx: message.enforcingConsecutive5xx ?? 100,
    consecutiveGatewayFailure: message.enforcingConsecutiveGatewayFailure ?? 0,
    consecutiveLocalOriginFailure: message.enforcingConsecutiveLocalOriginFailure ?? 100,
    successRate: message.enforcingSuccessRate ?? 100,
    successRateLocalOrigin: message.enforcingLocalOriginSuccessRate ?? 100,
    failurePercentage: message.enforcingFailurePercentage ?? 0,
    failurePercentageLocalOrigin: message.enforcingFailurePercentageLocalOrigin ?? 0,
  };
}

/**
 * `envoy.config.cluster.v3`: circuit breakers and outlier detection.
 *
 * @module
 */
import { named, of } from "../types/field.ts";
import { repeated } from "../types/list-field.ts";
import { type Infer, message } from "../types/message.ts";
import { bool, boolValue, uint32Value } from "../types/scalars.ts";
import { duration } from "../types/time.ts";
import { RoutingPriority, TypedExtensionConfig } from "./core-base.ts";
import { Percent } from "./type.ts";

export const RetryBudget = message("envoy.config.cluster.v3.CircuitBreakers.Thresholds.RetryBudget", {
  budgetPercent: of(1, Percent),
  minRetryConcurrency: uint32Value(2),
  budgetInterval: duration(3),
});
export type RetryBudget = Infer<typeof RetryBudget>;

export const Thresholds = message("envoy.config.cluster.v3.CircuitBreakers.Thresholds", {
  priority: of(1, RoutingPriority),
  maxConnections: uint32Value(2),
  maxPendingRequests: uint32Value(3),
  maxRequests: uint32Value(4),
  maxRetries: uint32Value(5),
  trackRemaining: bool(6),
  maxConnectionPools: uint32Value(7),
  retryBudget: of(8, RetryBudget),
});
export type Thresholds = Infer<typeof Thresholds>;

export const CircuitBreakers = message("envoy.config.cluster.v3.CircuitBreakers", {
  thresholds: repeated(of(1, Thresholds)),
  perHostThresholds: repeated(of(2, Thresholds)),
});
export type CircuitBreakers = Infer<typeof CircuitBreakers>;

export const OutlierDetection = message("envoy.config.cluster.v3.OutlierDetection", {
  consecutive5xx: named("consecutive_5xx", uint32Value(1)),
  interval: duration(2),
  baseEjectionTime: duration(3),
  maxEjectionPercent: uint32Value(4),
  enforcingConsecutive5xx: named("enforcing_consecutive_5xx", uint32Value(5)),
  enforcingSuccessRate: uint32Value(6),
  successRateMinimumHosts: uint32Value(7),
  successRateRequestVolume: uint32Value(8),
  successRateStdevFactor: uint32Value(9),
  consecutiveGatewayFailure: uint32Value(10),
  enforcingConsecutiveGatewayFailure: uint32Value(11),
  splitExternalLocalOriginErrors: bool(12),
  consecutiveLocalOriginFailure: uint32Value(13),
  enforcingConsecutiveLocalOriginFailure: uint32Value(14),
  enforcingLocalOriginSuccessRate: uint32Value(15),
  failurePercentageThreshold: uint32Value(16),
  enforcingFailurePercentage: uint32Value(17),
  enforcingFailurePercentageLocalOrigin: uint32Value(18),
  failurePercentageMinimumHosts: uint32Value(19),
  failurePercentageRequestVolume: uint32Value(20),
  maxEjectionTime: duration(21),
  maxEjectionTimeJitter: duration(22),
  successfulActiveHealthCheckUnejectHost: boolValue(23),
  monitors: repeated(of(24, TypedExtensionConfig)),
  alwaysEjectOneHost: boolValue(25),
});
export type OutlierDetection = Infer<typeof OutlierDetection>;

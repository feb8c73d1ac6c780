/**
 * Circuit breakers: how much a cluster may carry at once, for each of the two routing priorities.
 *
 * Source: `envoy/config/cluster/v3/circuit_breaker.proto`, defaults as there.
 *
 * @module
 */
import { CompileError, refuseOthers } from "../compile-error.ts";
import type { CircuitBreakers, Thresholds } from "../../xds/proto/cluster-health.ts";

/** Of a route, and of the thresholds that hold for it. */
export type Priority = "DEFAULT" | "HIGH";

export interface Limits {
  readonly maxConnections: number;
  readonly maxPendingRequests: number;
  readonly maxRequests: number;
  /** Retries at once. Not used when there is a retry budget. */
  readonly maxRetries: number;
  readonly retryBudget: RetryBudget | undefined;
}

/** Retries at once as a share of the requests that run or wait, or that have begun of late. */
export interface RetryBudget {
  /** 0 to 100. Default 20. */
  readonly percent: number;
  /** Retries that are always allowed. Default 3. */
  readonly minConcurrency: number;
  /** How far back requests count. 0: those that run or wait do. */
  readonly intervalMs: number;
}

export interface ClusterLimits {
  readonly default: Limits;
  readonly high: Limits;
  /** Connections to one endpoint at most; Infinity when not set. */
  readonly maxConnectionsPerEndpoint: number;
}

/** What runs now in one cluster at one priority. The data plane counts; the functions below read. */
export interface ClusterLoad {
  connections: number;
  pendingRequests: number;
  requests: number;
  retries: number;
}

export const mayConnect = (limits: Limits, load: ClusterLoad): boolean => load.connections < limits.maxConnections;
export const mayQueue = (limits: Limits, load: ClusterLoad): boolean =>
  load.pendingRequests < limits.maxPendingRequests;
export const mayRequest = (limits: Limits, load: ClusterLoad): boolean => load.requests < limits.maxRequests;

/**
 * Whether one more retry may start. A budget, where there is one, takes the place of `maxRetries`.
 * @param recent The requests of the budget's interval, retries among them; where it has none, those that run or wait count.
 */
export function mayRetry(limits: Limits, load: ClusterLoad, recent?: number): boolean {
  const budget = limits.retryBudget;
  if (budget === undefined) return load.retries < limits.maxRetries;
  const share = Math.floor((budget.percent / 100) * (recent ?? load.requests + load.pendingRequests));
  return load.retries < Math.max(share, budget.minConcurrency);
}

const DEFAULTS: Limits = {
  maxConnections: 1024,
  maxPendingRequests: 1024,
  maxRequests: 1024,
  maxRetries: 3,
  retryBudget: undefined,
};

/** `trackRemaining` asks for gauges and changes no decision. */
const KNOWN = new Set([
  "priority",
  "maxConnections",
  "maxPendingRequests",
  "maxRequests",
  "maxRetries",
  "retryBudget",
  "trackRemaining",
]);
const KNOWN_PER_HOST = new Set(["priority", "maxConnections", "trackRemaining"]);

/** @throws CompileError for thresholds that are not supported. */
export function compileLimits(message: CircuitBreakers | undefined, path: string): ClusterLimits {
  const thresholds = message?.thresholds ?? [];
  for (const [i, threshold] of thresholds.entries()) refuseOthers(threshold, `${path}.thresholds[${i}]`, KNOWN);
  const perHost = message?.perHostThresholds ?? [];
  for (const [i, host] of perHost.entries()) refuseOthers(host, `${path}.per_host_thresholds[${i}]`, KNOWN_PER_HOST);
  const of = (priority: string) => thresholds.find((t) => (t.priority ?? "DEFAULT") === priority);
  return {
    default: limitsOf(of("DEFAULT"), path),
    high: limitsOf(of("HIGH"), path),
    maxConnectionsPerEndpoint: perHost.find((t) => (t.priority ?? "DEFAULT") === "DEFAULT")?.maxConnections ?? Infinity,
  };
}

function limitsOf(threshold: Thresholds | undefined, path: string): Limits {
  return {
    maxConnections: threshold?.maxConnections ?? DEFAULTS.maxConnections,
    maxPendingRequests: threshold?.maxPendingRequests ?? DEFAULTS.maxPendingRequests,
    maxRequests: threshold?.maxRequests ?? DEFAULTS.maxRequests,
    maxRetries: threshold?.maxRetries ?? DEFAULTS.maxRetries,
    retryBudget: budgetOf(threshold?.retryBudget, path),
  };
}

function budgetOf(message: Thresholds["retryBudget"], path: string): RetryBudget | undefined {
  if (message === undefined) return undefined;
  const percent = message.budgetPercent?.value ?? 20;
  if (percent < 0 || percent > 100)
    throw new CompileError(`${path}.thresholds.retry_budget.budget_percent`, `must be 0 to 100, found ${percent}`);
  return { percent, minConcurrency: message.minRetryConcurrency ?? 3, intervalMs: message.budgetInterval ?? 0 };
}

/**
 * The active health check of a cluster, compiled.
 *
 * Units: durations are milliseconds and end in `Ms`; percentages are 0 to 100.
 * Source: `envoy/config/core/v3/health_check.proto`, defaults as there. As in Envoy a cluster has one at most.
 *
 * Not here: custom checkers, the event service, and a transport socket of its own for checks.
 *
 * @module
 */
import type { Cluster } from "../../xds/proto/cluster.ts";
import type { HealthCheck } from "../../xds/proto/core-health-check.ts";
import { HealthCheckEventFileSink } from "../../xds/proto/health-check-events.ts";
import { CompileError, refuseOthers, unpackAt } from "../compile-error.ts";
import { type CheckProbe, compileProbe } from "./probe.ts";

export interface CheckIntervals {
  readonly intervalMs: number;
  readonly unhealthyIntervalMs: number;
  readonly unhealthyEdgeIntervalMs: number;
  readonly healthyEdgeIntervalMs: number;
  /** While nobody has ever called the cluster. */
  readonly noTrafficIntervalMs: number;
  readonly noTrafficHealthyIntervalMs: number;
  readonly initialJitterMs: number;
  readonly jitterMs: number;
  readonly jitterPercent: number;
}

export interface CheckSettings {
  readonly intervals: CheckIntervals;
  readonly timeoutMs: number;
  readonly unhealthyThreshold: number;
  readonly healthyThreshold: number;
  readonly reusesConnection: boolean;
  /** What the connections of checks offer in place of the cluster's own; empty for that. */
  readonly alpn: readonly string[];
  readonly logsFailures: boolean;
  readonly logsSuccesses: boolean;
  /** Where events go as JSON, beside the log of the process. */
  readonly eventLogPaths: readonly string[];
  readonly probe: CheckProbe;
}

const KNOWN = new Set([
  "timeout",
  "interval",
  "intervalJitter",
  "intervalJitterPercent",
  "initialJitter",
  "unhealthyThreshold",
  "healthyThreshold",
  "reuseConnection",
  "httpHealthCheck",
  "tcpHealthCheck",
  "grpcHealthCheck",
  "noTrafficInterval",
  "noTrafficHealthyInterval",
  "unhealthyInterval",
  "unhealthyEdgeInterval",
  "healthyEdgeInterval",
  "eventLogPath",
  "eventLogger",
  "alwaysLogHealthCheckFailures",
  "alwaysLogHealthCheckSuccess",
  "tlsOptions",
]);
const NO_TRAFFIC_MS = 60_000;

/** Undefined for a cluster without. @throws {CompileError} Naming the field that is wrong or not supported. */
export function compileHealthCheck(cluster: Cluster): CheckSettings | undefined {
  const [check, second] = cluster.healthChecks ?? [];
  if (check === undefined) return undefined;
  if (second !== undefined) throw new CompileError("health_checks", "must hold one check at most");
  const at = "health_checks[0]";
  refuseOthers(check, at, KNOWN);
  refuseOthers(check.tlsOptions ?? {}, `${at}.tls_options`, new Set(["alpnProtocols"]));
  return {
    intervals: intervalsOf(check, at),
    timeoutMs: above(check.timeout, `${at}.timeout`),
    unhealthyThreshold: threshold(check.unhealthyThreshold, `${at}.unhealthy_threshold`),
    healthyThreshold: threshold(check.healthyThreshold, `${at}.healthy_threshold`),
    reusesConnection: check.reuseConnection ?? true,
    alpn: check.tlsOptions?.alpnProtocols ?? [],
    logsFailures: check.alwaysLogHealthCheckFailures ?? false,
    logsSuccesses: check.alwaysLogHealthCheckSuccess ?? false,
    eventLogPaths: eventLogPaths(check, at),
    probe: compileProbe(check, cluster, at),
  };
}

function intervalsOf(check: HealthCheck, at: string): CheckIntervals {
  const intervalMs = above(check.interval, `${at}.interval`);
  const unhealthyIntervalMs = optional(check.unhealthyInterval, `${at}.unhealthy_interval`, intervalMs);
  const noTrafficIntervalMs = optional(check.noTrafficInterval, `${at}.no_traffic_interval`, NO_TRAFFIC_MS);
  const jitterPercent = check.intervalJitterPercent ?? 0;
  return {
    intervalMs,
    unhealthyIntervalMs,
    unhealthyEdgeIntervalMs: optional(
      check.unhealthyEdgeInterval,
      `${at}.unhealthy_edge_interval`,
      unhealthyIntervalMs,
    ),
    healthyEdgeIntervalMs: optional(check.healthyEdgeInterval, `${at}.healthy_edge_interval`, intervalMs),
    noTrafficIntervalMs,
    noTrafficHealthyIntervalMs: optional(
      check.noTrafficHealthyInterval,
      `${at}.no_traffic_healthy_interval`,
      noTrafficIntervalMs,
    ),
    initialJitterMs: Math.max(check.initialJitter ?? 0, 0),
    jitterMs: Math.max(check.intervalJitter ?? 0, 0),
    jitterPercent,
  };
}

function above(ms: number | undefined, path: string): number {
  if (ms === undefined || !(ms > 0))
    throw new CompileError(path, `must be above 0, found ${ms === undefined ? "nothing" : `${ms} ms`}`);
  return ms;
}

const optional = (ms: number | undefined, path: string, otherwise: number): number =>
  ms === undefined ? otherwise : above(ms, path);

function threshold(count: number | undefined, path: string): number {
  if (count === undefined) throw new CompileError(path, "must be there");
  // As Envoy counts: the first result decides at 0 as at 1.
  return Math.max(count, 1);
}

function eventLogPaths({ eventLogPath, eventLogger = [] }: HealthCheck, at: string): readonly string[] {
  const sinks = eventLogger.map(({ typedConfig }, i) => {
    const path = `${at}.event_logger[${i}].typed_config`;
    const file = unpackAt(typedConfig, HealthCheckEventFileSink, path).eventLogPath;
    if (file === undefined || file === "") throw new CompileError(`${path}.event_log_path`, "must not be empty");
    return file;
  });
  return eventLogPath === undefined || eventLogPath === "" ? sinks : [...sinks, eventLogPath];
}

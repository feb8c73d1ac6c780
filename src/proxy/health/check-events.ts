/**
 * Events of health checks as lines of JSON.
 *
 * Source: `envoy.data.core.v3.HealthCheckEvent`.
 *
 * @module
 */
import type { Endpoint } from "../../engine/cluster/endpoint.ts";
import type { CheckEvent, CheckFailure, CheckResult } from "../../engine/health/check-state.ts";
import type { CheckProbe } from "../../engine/health/probe.ts";

const FAILURES = {
  active: "ACTIVE",
  network: "NETWORK",
  networkTimeout: "NETWORK_TIMEOUT",
} as const satisfies Record<CheckFailure, string>;

/** With its line break. */
export function eventJson(
  clusterName: string,
  probe: CheckProbe,
  { address, port, path, metadata, locality }: Endpoint,
  { kind, isFirst }: CheckEvent,
  result: CheckResult,
  wallMs: number,
): string {
  const failure = result.t === "failed" ? { failure_type: FAILURES[result.failure] } : {};
  const first = isFirst && FIRST.has(kind) ? { first_check: true } : {};
  const event = {
    health_checker_type: probe.t.toUpperCase(),
    host: path === undefined ? { socket_address: { protocol: "TCP", address, port_value: port } } : { pipe: { path } },
    cluster_name: clusterName,
    timestamp: new Date(wallMs).toISOString(),
    [kind]: { ...failure, ...first },
    ...(metadata === undefined ? {} : { metadata }),
    locality: locality ?? {},
  };
  return `${JSON.stringify(event, (_, value: unknown) => (typeof value === "bigint" ? String(value) : value))}\n`;
}

const FIRST: ReadonlySet<string> = new Set(["add_healthy_event", "health_check_failure_event"]);

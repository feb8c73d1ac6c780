/**
 * Routes whose retries wait as answers say, or go to other priorities.
 *
 * @module
 */
import { Bootstrap } from "../../../src/xds/proto/bootstrap.ts";
import type { Cluster } from "../../../src/xds/proto/cluster.ts";
import { Router } from "../../../src/xds/proto/filter-router.ts";
import { HttpConnectionManager } from "../../../src/xds/proto/http-connection-manager.ts";
import { PreviousPrioritiesConfig } from "../../../src/xds/proto/retry-predicates.ts";
import type { RetryPolicy } from "../../../src/xds/proto/route-action.ts";
import { pack } from "../../../src/xds/types/any.ts";
import { toJson } from "../../../src/xds/types/codec.ts";

const address = (portValue: number) => ({ socketAddress: { address: "127.0.0.1", portValue } });

const AFTER: RetryPolicy = {
  retryOn: "5xx",
  numRetries: 3,
  rateLimitedRetryBackOff: {
    resetHeaders: [{ name: "Retry-After" }, { name: "X-RateLimit-Reset", format: "UNIX_TIMESTAMP" }],
    maxInterval: 2000,
  },
};
const ONCE: RetryPolicy = { retryOn: "5xx", numRetries: 1, retryBackOff: { baseInterval: 1, maxInterval: 2 } };
const leaving = (updateFrequency: number): RetryPolicy => ({
  retryOn: "5xx",
  numRetries: 4,
  retryBackOff: { baseInterval: 1, maxInterval: 2 },
  retryPriority: {
    name: "envoy.retry_priorities.previous_priorities",
    typedConfig: pack(PreviousPrioritiesConfig, { updateFrequency }),
  },
});

export function retriesBootstrap(admin: number, http: number, ports: readonly number[]): string {
  const route = (prefix: string, cluster: string, retryPolicy: RetryPolicy) => ({
    match: { prefix },
    route: { cluster, timeout: 10_000, retryPolicy },
  });
  const manager: HttpConnectionManager = {
    statPrefix: "http",
    routeConfig: {
      name: "all",
      virtualHosts: [
        {
          name: "all",
          domains: ["*"],
          routes: [
            route("/after/", "one", AFTER),
            route("/leave-1/", "three", leaving(1)),
            route("/leave-2/", "three", leaving(2)),
            route("/budget/", "budget", ONCE),
            route("/budget-of-a-minute/", "budget-of-a-minute", ONCE),
          ],
        },
      ],
    },
    httpFilters: [{ name: "router", typedConfig: pack(Router, {}) }],
  };
  /** Half of the requests, and none in any case. */
  const budget = (budgetInterval: number | undefined) => ({
    thresholds: [{ retryBudget: { budgetPercent: { value: 50 }, minRetryConcurrency: 0, budgetInterval } }],
  });
  const cluster = (name: string, some: readonly number[], circuitBreakers?: Cluster["circuitBreakers"]) => ({
    name,
    circuitBreakers,
    type: "STATIC" as const,
    loadAssignment: {
      clusterName: name,
      endpoints: some.map((port, priority) => ({ priority, lbEndpoints: [{ endpoint: { address: address(port) } }] })),
    },
  });
  const bootstrap: Bootstrap = {
    node: { id: "n", cluster: "n" },
    admin: { address: address(admin) },
    staticResources: {
      listeners: [
        {
          name: "http",
          address: address(http),
          filterChains: [{ filters: [{ name: "http", typedConfig: pack(HttpConnectionManager, manager) }] }],
        },
      ],
      clusters: [
        cluster("one", ports.slice(0, 1)),
        cluster("three", ports),
        cluster("budget", ports.slice(0, 1), budget(undefined)),
        cluster("budget-of-a-minute", ports.slice(0, 1), budget(60_000)),
      ],
    },
  };
  return JSON.stringify(toJson(Bootstrap, bootstrap));
}

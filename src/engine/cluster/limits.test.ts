import { describe, expect, test } from "bun:test";
import { compileLimits, mayConnect, mayQueue, mayRequest, mayRetry } from "./limits.ts";

const load = { connections: 0, pendingRequests: 0, requests: 0, retries: 0 };

describe("circuit breakers", () => {
  test("defaults", () => {
    const { default: limits, high, maxConnectionsPerEndpoint } = compileLimits(undefined, "circuit_breakers");
    expect(limits).toEqual({
      maxConnections: 1024,
      maxPendingRequests: 1024,
      maxRequests: 1024,
      maxRetries: 3,
      retryBudget: undefined,
    });
    expect(high).toEqual(limits);
    expect(maxConnectionsPerEndpoint).toBe(Infinity);
  });

  test("each priority has its own", () => {
    const { default: limits, high } = compileLimits(
      { thresholds: [{ maxRequests: 1 }, { priority: "HIGH", maxRequests: 2 }] },
      "circuit_breakers",
    );
    expect([limits.maxRequests, high.maxRequests]).toEqual([1, 2]);
  });

  test("a limit is the number that may run", () => {
    const { default: limits } = compileLimits(
      { thresholds: [{ maxConnections: 1, maxPendingRequests: 2, maxRequests: 0, maxRetries: 1 }] },
      "",
    );
    expect([mayConnect(limits, load), mayConnect(limits, { ...load, connections: 1 })]).toEqual([true, false]);
    expect([
      mayQueue(limits, { ...load, pendingRequests: 1 }),
      mayQueue(limits, { ...load, pendingRequests: 2 }),
    ]).toEqual([true, false]);
    expect(mayRequest(limits, load)).toBe(false);
    expect([mayRetry(limits, load), mayRetry(limits, { ...load, retries: 1 })]).toEqual([true, false]);
  });

  test("a retry budget follows the load and takes the place of max_retries", () => {
    const { default: limits } = compileLimits({ thresholds: [{ maxRetries: 0, retryBudget: {} }] }, "");
    expect(limits.retryBudget).toEqual({ percent: 20, minConcurrency: 3, intervalMs: 0 });
    expect(mayRetry(limits, { ...load, retries: 2 })).toBe(true);
    expect(mayRetry(limits, { ...load, retries: 3 })).toBe(false);
    expect(mayRetry(limits, { ...load, retries: 3, requests: 10, pendingRequests: 10 })).toBe(true);
    expect(mayRetry(limits, { ...load, retries: 4, requests: 10, pendingRequests: 10 })).toBe(false);
  });

  test("what is not supported is refused by its path", () => {
    expect(() => compileLimits({ perHostThresholds: [{ maxRequests: 1 }] }, "circuit_breakers")).toThrow(
      "circuit_breakers.per_host_thresholds[0].max_requests: is not supported yet",
    );
    expect(() =>
      compileLimits({ thresholds: [{ retryBudget: { budgetPercent: { value: 101 } } }] }, "circuit_breakers"),
    ).toThrow("must be 0 to 100, found 101");
  });
});

import { expect, test } from "bun:test";
import { compileLimits } from "../engine/cluster/limits.ts";
import { CircuitBreaker } from "./circuit-breaker.ts";

const budget = (budgetInterval: number | undefined) =>
  compileLimits(
    { thresholds: [{ retryBudget: { budgetPercent: { value: 50 }, minRetryConcurrency: 0, budgetInterval } }] },
    "",
  ).default;

test("a retry budget is of the requests that run, or of those of its interval whether they run or not", () => {
  let nowMs = 1000;
  const [running, recent] = [undefined, 1000].map((intervalMs) => new CircuitBreaker(budget(intervalMs), () => nowMs));
  for (const breaker of [running, recent])
    for (let i = 0; i < 2; i++) {
      breaker?.onRequest();
      if (breaker !== undefined) breaker.load.requests--;
    }
  expect([running?.mayRetry(), recent?.mayRetry()]).toEqual([false, true]);
  if (recent !== undefined) recent.load.retries++;
  expect(recent?.mayRetry()).toBe(false);
  if (recent !== undefined) recent.load.retries--;
  nowMs += 1000;
  expect(recent?.mayRetry()).toBe(false);
});

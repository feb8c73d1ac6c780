import { describe, expect, test } from "bun:test";
import { seededRandom } from "../../base/random.ts";
import { type BalancerPolicy, createBalancer } from "./balancer.ts";
import { MersenneTwister, withinBound } from "./bounded-load.ts";
import type { Endpoint } from "./endpoint.ts";
import { EndpointSet } from "./endpoints.ts";
import { hashedEndpoints } from "./hash-table.ts";
import { costOf, observeLatency } from "./peak-ewma.ts";
import { compileSlowStart, warmth } from "./slow-start.ts";

const SEED = 40_962;
const endpoints = (count: number) => ({
  endpoints: [
    {
      lbEndpoints: Array.from({ length: count }, (_, i) => ({
        endpoint: { address: { socketAddress: { address: `10.0.0.${i}`, portValue: 80 } } },
      })),
    },
  ],
});

describe("slow start", () => {
  const slowStart = { windowMs: 10_000, aggression: 1, minWeight: 0.1 };

  test("a weight grows over the window, from its least on", () => {
    const set = new EndpointSet();
    set.update(endpoints(1));
    const [endpoint] = set.all as [Endpoint];
    const at = (aggression: number): readonly number[] =>
      [0, 500, 2500, 5000, 9999, 10_000].map((ms) =>
        Number(warmth(endpoint, { ...slowStart, aggression }, ms).toFixed(3)),
      );
    expect(at(1)).toEqual([0.1, 0.1, 0.25, 0.5, 1, 1]);
    expect(at(2)).toEqual([0.1, 0.224, 0.5, Number(Math.SQRT1_2.toFixed(3)), 1, 1]);
  });

  test.each([
    ["round robin", { t: "roundRobin", slowStart }],
    ["least request", { t: "leastRequest", choiceCount: 2, activeRequestBias: 1, slowStart }],
  ] as const)("%s: a new endpoint gets its part of the calls", (_, policy: BalancerPolicy) => {
    let nowMs = 0;
    const set = new EndpointSet({ nowMs: () => nowMs });
    const balancer = createBalancer(policy, () => nowMs);
    const random = seededRandom(SEED);
    set.update(endpoints(3));
    nowMs = 60_000;
    set.update(endpoints(4));
    const newShare = (): number => {
      let count = 0;
      for (let i = 0; i < 10_000; i += 1) if (balancer.pick(set, random)?.key === "10.0.0.3:80") count += 1;
      return count / 10_000;
    };
    expect(newShare()).toBeCloseTo(0.1 / 3.1, 2);
    nowMs += 5000;
    expect(newShare()).toBeCloseTo(0.5 / 3.5, 2);
    nowMs += 5000;
    expect(newShare()).toBeCloseTo(0.25, 2);
  });

  test("settings have Envoy's defaults", () => {
    expect(compileSlowStart({ slowStartWindow: 5 }, "s")).toEqual({ windowMs: 5, aggression: 1, minWeight: 0.1 });
    expect(compileSlowStart({}, "s")).toBeUndefined();
    expect(() => compileSlowStart({ minWeightPercent: { value: 101 } }, "s")).toThrow("s.min_weight_percent.value");
  });
});

test("a full scan finds the least busy of all, by lot where several are", () => {
  const set = new EndpointSet();
  set.update(endpoints(5));
  for (const [i, endpoint] of set.all.entries()) endpoint.activeRequests = i < 3 ? 4 : 1;
  const balancer = createBalancer({ t: "leastRequest", choiceCount: 2, activeRequestBias: 1, fullScan: true });
  const random = seededRandom(SEED);
  const counts = new Map<string, number>();
  for (let i = 0; i < 1000; i += 1) {
    const { key = "" } = balancer.pick(set, random) ?? {};
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  expect([...counts.keys()].sort()).toEqual(["10.0.0.3:80", "10.0.0.4:80"]);
  for (const count of counts.values()) expect(count).toBeWithin(430, 570);
});

describe("peak EWMA", () => {
  test("a latency jumps up at once and comes down over time", () => {
    const set = new EndpointSet();
    set.update(endpoints(1));
    const [endpoint] = set.all as [Endpoint];
    observeLatency(endpoint, 100, 0, 1000);
    expect(costOf(endpoint, 0, 1000)).toBe(100);
    observeLatency(endpoint, 500, 0, 1000);
    expect(costOf(endpoint, 0, 1000)).toBe(500);
    observeLatency(endpoint, 100, 1000, 1000);
    expect(costOf(endpoint, 1000, 1000)).toBeCloseTo(500 / Math.E + 100 * (1 - 1 / Math.E), 5);
    endpoint.activeRequests = 1;
    expect(costOf(endpoint, 1000, 1000)).toBeCloseTo(2 * (500 / Math.E + 100 * (1 - 1 / Math.E)), 5);
  });

  test("slow endpoints get few calls, and one that nobody knows is tried once at a time", () => {
    let nowMs = 0;
    const set = new EndpointSet();
    set.update(endpoints(4));
    const balancer = createBalancer({ t: "peakEwma", decayMs: 10_000 }, () => nowMs);
    const random = seededRandom(SEED);
    const counts = new Map<string, number>();
    for (let i = 0; i < 4000; i += 1) {
      nowMs += 1;
      const endpoint = balancer.pick(set, random) as Endpoint;
      counts.set(endpoint.key, (counts.get(endpoint.key) ?? 0) + 1);
      observeLatency(endpoint, endpoint.key === "10.0.0.0:80" ? 200 : 5, nowMs, 10_000);
    }
    expect(counts.get("10.0.0.0:80") ?? 0).toBeLessThan(100);
    for (let i = 1; i < 4; i += 1) expect(counts.get(`10.0.0.${i}:80`)).toBeGreaterThan(900);
  });
});

describe("bounded load", () => {
  test("the random numbers are those of MT19937", () => {
    const twister = new MersenneTwister(5489);
    expect(twister.next()).toBe(3_499_211_612);
    for (let i = 1; i < 9999; i += 1) twister.next();
    // The 10 000th, as the C++ standard says.
    expect(twister.next()).toBe(4_123_659_995);
  });

  test("one that has more than its part passes on, always to the same one", () => {
    const set = new EndpointSet();
    set.update(endpoints(4));
    const hosts = hashedEndpoints(set.all, false);
    const [first] = set.all as [Endpoint];
    const next = (hash: bigint): Endpoint => withinBound(first, hash, hosts, 150, active());
    const active = (): number => set.all.reduce((sum, { activeRequests }) => sum + activeRequests, 0);
    expect(next(7n)).toBe(first);
    first.activeRequests = 4;
    const other = next(7n);
    expect(other).not.toBe(first);
    expect(next(7n)).toBe(other);
    // All are over: the least.
    for (const [i, endpoint] of set.all.entries()) endpoint.activeRequests = 40 + 10 * i;
    expect(withinBound(set.all[3] as Endpoint, 7n, hosts, 100, 0)).toBe(first);
  });
});

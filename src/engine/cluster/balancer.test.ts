import { describe, expect, test } from "bun:test";
import { seededRandom } from "../../base/random.ts";
import { balancerSuite, endpointSet, sharesOf } from "../../../tests/suites/balancer.ts";
import { createBalancer } from "./balancer.ts";

const LEAST = { t: "leastRequest", choiceCount: 2, activeRequestBias: 1 } as const;

balancerSuite({ name: "round robin", make: () => createBalancer({ t: "roundRobin" }), weighted: true });
balancerSuite({ name: "least request", make: () => createBalancer(LEAST), weighted: true });
balancerSuite({ name: "random", make: () => createBalancer({ t: "random" }), weighted: false });

describe("round robin", () => {
  test("goes round with equal weights", () => {
    const set = endpointSet([4, 4, 4]);
    const balancer = createBalancer({ t: "roundRobin" });
    const random = seededRandom(1);
    const keys = Array.from({ length: 6 }, () => balancer.pick(set, random)?.key);
    expect(new Set(keys.slice(0, 3)).size).toBe(3);
    expect(keys.slice(3)).toEqual(keys.slice(0, 3));
  });

  test("is smooth with unequal weights: each round of 10 has exactly its shares", () => {
    const set = endpointSet([1, 2, 7]);
    const balancer = createBalancer({ t: "roundRobin" });
    const random = seededRandom(2);
    for (let round = 0; round < 100; round += 1) {
      const keys = Array.from({ length: 10 }, () => balancer.pick(set, random)?.key);
      expect(keys.filter((key) => key === "10.0.0.3:80").length).toBe(7);
      expect(keys.filter((key) => key === "10.0.0.2:80").length).toBe(2);
    }
  });
});

describe("least request", () => {
  test("takes the less busy of two draws", () => {
    const set = endpointSet([1, 1, 1]);
    const [busy] = set.all;
    if (busy !== undefined) busy.activeRequests = 100;
    const [share = 1] = sharesOf(createBalancer(LEAST), set, seededRandom(3));
    expect(Math.abs(share - 1 / 9)).toBeLessThan(0.01); // only when both draws fall on it
  });

  test("a busy endpoint of high weight yields by weight / (active + 1)", () => {
    const set = endpointSet([3, 1]);
    const [busy] = set.all;
    if (busy !== undefined) busy.activeRequests = 2;
    const [share = 1] = sharesOf(createBalancer(LEAST), set, seededRandom(4));
    expect(Math.abs(share - 0.5)).toBeLessThan(0.01);
    const [unbiased = 0] = sharesOf(createBalancer({ ...LEAST, activeRequestBias: 0 }), set, seededRandom(5));
    expect(Math.abs(unbiased - 0.75)).toBeLessThan(0.01);
  });
});

describe("priorities", () => {
  const at = (address: string, priority: number, healthStatus: "HEALTHY" | "UNHEALTHY" | "DEGRADED" = "HEALTHY") => ({
    priority,
    lbEndpoints: [{ endpoint: { address: { socketAddress: { address, portValue: 1 } } }, healthStatus }],
  });

  test("the second priority gets what the first cannot carry", () => {
    const set = endpointSet([]);
    set.update({
      endpoints: [at("a", 0), at("b", 0, "UNHEALTHY"), at("c", 1)],
    });
    const shares = sharesOf(createBalancer({ t: "roundRobin" }), set, seededRandom(6));
    expect(Math.abs((shares[0] ?? 0) - 0.7)).toBeLessThan(0.02); // half of them healthy × 1.4
    expect(shares[1]).toBe(0);
    expect(Math.abs((shares[2] ?? 0) - 0.3)).toBeLessThan(0.02);
  });

  test("degraded endpoints come last", () => {
    const set = endpointSet([]);
    set.update({ endpoints: [at("a", 0, "DEGRADED"), at("b", 1)] });
    const shares = sharesOf(createBalancer({ t: "random" }), set, seededRandom(7));
    expect(shares).toEqual([0, 1]);
  });
});

/**
 * What every balancer must do, whatever its policy.
 *
 * @module
 */
import { describe, expect, test } from "bun:test";
import { type Random, seededRandom } from "../../src/base/random.ts";
import type { Balancer } from "../../src/engine/cluster/balancer.ts";
import type { Endpoint } from "../../src/engine/cluster/endpoint.ts";
import { EndpointSet } from "../../src/engine/cluster/endpoints.ts";

export interface BalancerCase {
  readonly name: string;
  make(): Balancer;
  /** Whether shares follow the weights; otherwise they are equal. */
  readonly weighted: boolean;
}

const SEED = 20_260;
const TOLERANCE = 0.02;

/** A set of endpoints `10.0.0.1:80`, `10.0.0.2:80` … with these weights. */
export function endpointSet(weights: readonly number[], panicPercent = 50): EndpointSet {
  const set = new EndpointSet({ panicPercent });
  set.update({
    endpoints: [
      {
        lbEndpoints: weights.map((loadBalancingWeight, i) => ({
          endpoint: { address: { socketAddress: { address: `10.0.0.${i + 1}`, portValue: 80 } } },
          loadBalancingWeight,
        })),
      },
    ],
  });
  return set;
}

/** Runs the suite for one balancer. */
export function balancerSuite({ name, make, weighted }: BalancerCase): void {
  describe(`${name} balancer (seed ${SEED})`, () => {
    for (const weights of [[1, 1, 1], [1, 2, 7], [10, 10, 1], [1], [1, 128]])
      test(`shares of weights ${weights.join(":")}`, () => {
        const set = endpointSet(weights);
        const shares = sharesOf(make(), set, seededRandom(SEED));
        const total = weights.reduce((sum, weight) => sum + weight, 0);
        for (const [i, weight] of weights.entries()) {
          const expected = weighted ? weight / total : 1 / weights.length;
          expect(Math.abs((shares[i] ?? 0) - expected), `share of endpoint ${i}`).toBeLessThan(TOLERANCE);
        }
      });

    test("an empty set gives none", () => {
      expect(make().pick(endpointSet([]), seededRandom(SEED), undefined)).toBeUndefined();
    });

    test("an ejected endpoint gets nothing, and its share again once it is back", () => {
      const set = endpointSet([1, 1, 1]);
      const balancer = make();
      const random = seededRandom(SEED);
      eject(set, 0, true);
      expect(sharesOf(balancer, set, random)[0]).toBe(0);
      eject(set, 0, false);
      expect(sharesOf(balancer, set, random)[0]).toBeGreaterThan(0.3);
    });

    test("with all ejected, panic spreads over all; without panic there is none", () => {
      const panicking = endpointSet([1, 1, 1]);
      const strict = endpointSet([1, 1, 1], 0);
      for (const set of [panicking, strict]) for (let i = 0; i < 3; i += 1) eject(set, i, true);
      for (const share of sharesOf(make(), panicking, seededRandom(SEED)))
        expect(Math.abs(share - 1 / 3)).toBeLessThan(TOLERANCE);
      expect(make().pick(strict, seededRandom(SEED), undefined)).toBeUndefined();
    });

    test("a retry avoids endpoints that it has met", () => {
      const set = endpointSet([1, 1, 1]);
      const met = new Set(set.all.slice(0, 2));
      const balancer = make();
      const random = seededRandom(SEED);
      for (let i = 0; i < 1000; i += 1) expect(balancer.pick(set, random, met, 50)?.key).toBe("10.0.0.3:80");
    });

    test("a retry that has met all still gets one", () => {
      const set = endpointSet([1, 1]);
      expect(make().pick(set, seededRandom(SEED), new Set(set.all), 5)).toBeDefined();
    });

    test("a removed endpoint is never given again", () => {
      const set = endpointSet([1, 1, 1]);
      const balancer = make();
      const random = seededRandom(SEED);
      const gone = set.all[2];
      expect(sharesOf(balancer, set, random)[2]).toBeGreaterThan(0);
      set.update({
        endpoints: [
          { lbEndpoints: [{ endpoint: { address: { socketAddress: { address: "10.0.0.1", portValue: 80 } } } }] },
        ],
      });
      for (let i = 0; i < 1000; i += 1) expect(balancer.pick(set, random, undefined)).not.toBe(gone as Endpoint);
    });
  });
}

/** The share of each endpoint of the set in many picks. */
export function sharesOf(balancer: Balancer, set: EndpointSet, random: Random, picks = 20_000): number[] {
  const counts = new Map<Endpoint | undefined, number>();
  for (let i = 0; i < picks; i += 1) {
    const endpoint = balancer.pick(set, random, undefined);
    counts.set(endpoint, (counts.get(endpoint) ?? 0) + 1);
  }
  return set.all.map((endpoint) => (counts.get(endpoint) ?? 0) / picks);
}

function eject(set: EndpointSet, index: number, ejected: boolean): void {
  const endpoint = set.all[index];
  if (endpoint !== undefined) endpoint.ejected = ejected;
  set.refresh();
}

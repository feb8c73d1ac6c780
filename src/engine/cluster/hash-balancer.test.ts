import { describe, expect, test } from "bun:test";
import { seededRandom } from "../../base/random.ts";
import { balancerSuite, endpointSet } from "../../../tests/suites/balancer.ts";
import { type BalancerPolicy, createBalancer } from "./balancer.ts";
import { hashedEndpoints } from "./hash-table.ts";
import { HashRing } from "./hash-ring.ts";

const SEED = 20_261;
const RING: BalancerPolicy = { t: "ringHash", minSize: 100_000, maxSize: 8_388_608, useHostname: false };
const MAGLEV: BalancerPolicy = { t: "maglev", tableSize: 65_537, useHostname: false };
const BOTH = [
  ["ring hash", RING],
  ["Maglev", MAGLEV],
] as const;

for (const [name, policy] of BOTH) balancerSuite({ name, make: () => createBalancer(policy), weighted: true });

/** `count` hashes that spread. */
function hashesFor(count: number): readonly bigint[] {
  const random = seededRandom(SEED);
  const word = (): bigint => BigInt(Math.floor(random() * 2 ** 32));
  return Array.from({ length: count }, () => (word() << 32n) | word());
}

describe.each(BOTH)(`%s (seed ${SEED})`, (_, policy) => {
  const keysOf = (weights: readonly number[], hashes: readonly bigint[], gone?: string) => {
    const set = endpointSet(weights);
    for (const endpoint of set.all) endpoint.ejected = endpoint.key === gone;
    set.refresh();
    const balancer = createBalancer(policy);
    return hashes.map((hash) => balancer.pick(set, seededRandom(1), undefined, 1, hash)?.key);
  };

  test("the same hash goes to the same endpoint, by whichever balancer", () => {
    const hashes = hashesFor(500);
    expect(keysOf([1, 1, 1, 1], hashes)).toEqual(keysOf([1, 1, 1, 1], hashes));
  });

  test("when an endpoint leaves, most of the others stay", () => {
    const hashes = hashesFor(2000);
    const before = keysOf([1, 1, 1, 1, 1], hashes);
    const after = keysOf([1, 1, 1, 1, 1], hashes, "10.0.0.2:80");
    const moved = before.filter((key, i) => key !== "10.0.0.2:80" && key !== after[i]);
    expect(after).not.toContain("10.0.0.2:80");
    // Of a ring those move that the places meet by which the others fill it up to its minimum again.
    expect(moved.length / hashes.length).toBeLessThan(policy.t === "maglev" ? 0.1 : 0.25);
  });

  test("an update of the endpoints is a table of its own, whatever was there before", () => {
    const hashes = hashesFor(300);
    const assigned = (weights: Readonly<Record<string, number>>) => ({
      endpoints: [
        {
          lbEndpoints: Object.entries(weights).map(([address, loadBalancingWeight]) => ({
            endpoint: { address: { socketAddress: { address, portValue: 80 } } },
            loadBalancingWeight,
          })),
        },
      ],
    });
    const balancer = createBalancer(policy);
    const live = endpointSet([1, 2, 7]);
    for (const weights of [
      { b: 3, a: 5, c: 1 },
      { c: 1, a: 5 },
      { a: 5, c: 2 },
    ]) {
      live.update(assigned(weights));
      const fresh = endpointSet([]);
      fresh.update(assigned(weights));
      const other = createBalancer(policy);
      for (const hash of hashes)
        expect(balancer.pick(live, seededRandom(1), undefined, 1, hash)?.key).toBe(
          other.pick(fresh, seededRandom(1), undefined, 1, hash)?.key ?? "",
        );
    }
  });

  test("a retry goes elsewhere, and stays where there is nowhere else", () => {
    const set = endpointSet([1, 1, 1]);
    const balancer = createBalancer(policy);
    const random = seededRandom(1);
    for (const hash of hashesFor(50)) {
      const first = balancer.pick(set, random, undefined, 1, hash);
      expect(first).toBeDefined();
      const avoid = new Set(first === undefined ? [] : [first]);
      expect(balancer.pick(set, random, avoid, 200, hash)?.key).not.toBe(first?.key ?? "");
      expect(balancer.pick(set, random, new Set(set.all), 3, hash)).toBeDefined();
    }
  });
});

test("a ring has as many places as its least endpoint needs for a whole number, and no more than its maximum", () => {
  const sizeOf = (weights: readonly number[], minSize: number, maxSize: number): number =>
    new HashRing(hashedEndpoints(endpointSet(weights).all, false), minSize, maxSize).size;
  expect(sizeOf([1, 1, 1], 1024, 8_388_608)).toBe(1026);
  expect(sizeOf([1, 2, 7], 1024, 8_388_608)).toBe(1030);
  expect(sizeOf([1, 1, 1, 1], 1024, 6)).toBe(6);
  expect(new HashRing(hashedEndpoints(endpointSet([1]).all, false), 0, 10).pick(5n, 0)).toBeUndefined();
});

test("a ring of a million places is made in one go", () => {
  const ring = new HashRing(hashedEndpoints(endpointSet([1, 1]).all, false), 1_000_000, 8_388_608);
  expect(ring.size).toBe(1_000_000);
  expect(ring.pick(0n, 0)).toBeDefined();
  expect(ring.pick(0xffff_ffff_ffff_ffffn, 0)?.key).toBe(ring.pick(0n, 0)?.key ?? "");
});

import { describe, expect, test } from "bun:test";
import { seededRandom } from "../../base/random.ts";
import { balancerSuite, endpointSet } from "../../../tests/suites/balancer.ts";
import { type Balancer, type BalancerPolicy, createBalancer } from "./balancer.ts";
import { NumberedHashes } from "../hash/numbered-hashes.ts";
import { hashOfText } from "../hash/xx-hash.ts";
import type { Endpoint } from "./endpoint.ts";
import type { EndpointSet } from "./endpoints.ts";
import { ringSteps } from "./hash-ring.ts";
import { finished, hashedEndpoints } from "./hash-table.ts";

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
    finished(ringSteps(hashedEndpoints(endpointSet(weights).all, false), minSize, maxSize)).size;
  expect(sizeOf([1, 1, 1], 1024, 8_388_608)).toBe(1026);
  expect(sizeOf([1, 2, 7], 1024, 8_388_608)).toBe(1030);
  expect(sizeOf([1, 1, 1, 1], 1024, 6)).toBe(6);
  expect(finished(ringSteps(hashedEndpoints(endpointSet([1]).all, false), 0, 10)).pick(5n, 0)).toBe(-1);
});

test("a ring has its places in the order of their hashes, whoever owns them", () => {
  const hosts = hashedEndpoints(endpointSet([1, 5, 2]).all, false);
  const places = hosts
    .flatMap(({ key, weight }, owner) =>
      Array.from({ length: Math.round(8 * 1250 * weight) }, (_, i) => ({ owner, hash: hashOfText(`${key}_${i}`) })),
    )
    .sort((a, b) => (a.hash < b.hash ? -1 : 1));
  const ring = finished(ringSteps(hosts, 10_000, 8_388_608));
  expect(ring.size).toBe(places.length);
  for (const [i, { hash, owner }] of places.entries()) {
    expect(ring.pick(hash, 0)).toBe(owner);
    expect(ring.pick(hash + 1n, 0)).toBe(places[(i + 1) % places.length]?.owner ?? -1);
  }
});

test.each(["10.0.0.1:80", "ü", ""])("numbered hashes are those of the texts: %s", (key) => {
  const numbered = new NumberedHashes(key);
  for (let i = 0; i < 10_105; i += 1) expect(numbered.next()).toBe(hashOfText(`${key}_${i}`));
});

describe.each(BOTH)("while the table of %s is made", (_, policy) => {
  const hashes = hashesFor(200);
  const keyOf = (balancer: Balancer, set: EndpointSet, hash: bigint, avoid?: ReadonlySet<Endpoint>) =>
    balancer.pick(set, seededRandom(1), avoid, 1, hash)?.key;

  function changing() {
    const set = endpointSet([1, 1, 1, 1]);
    const balancer = createBalancer(policy);
    const before = hashes.map((hash) => keyOf(balancer, set, hash));
    for (const endpoint of set.all) endpoint.ejected = endpoint.key === "10.0.0.2:80";
    set.refresh();
    return { set, balancer, before, work: balancer.prepare?.(set) };
  }

  test("the last one serves, but for who may not be used any more", () => {
    const { balancer, before, set, work } = changing();
    expect(work?.step()).toBe(false);
    const meanwhile = hashes.map((hash) => keyOf(balancer, set, hash));
    expect(meanwhile).not.toContain("10.0.0.2:80");
    for (const [i, key] of before.entries()) if (key !== "10.0.0.2:80") expect(meanwhile[i]).toBe(key);
    const first = set.all[0];
    const avoid = new Set(first === undefined ? [] : [first]);
    expect(hashes.map((hash) => keyOf(balancer, set, hash, avoid))).not.toContain(first?.key);
    while (work?.step() === false);
    const fresh = createBalancer(policy);
    expect(hashes.map((hash) => keyOf(balancer, set, hash))).toEqual(hashes.map((hash) => keyOf(fresh, set, hash)));
  });

  test("who has none yet does not wait for the end of it", () => {
    const set = endpointSet([1, 2]);
    const balancer = createBalancer(policy);
    const work = balancer.prepare?.(set);
    work?.step();
    const fresh = createBalancer(policy);
    expect(hashes.map((hash) => keyOf(balancer, set, hash))).toEqual(hashes.map((hash) => keyOf(fresh, set, hash)));
    expect(work?.step()).toBe(true);
  });

  test("when all of the last one are gone, others serve", () => {
    const { balancer, set, work } = changing();
    set.update({
      endpoints: [{ lbEndpoints: [{ endpoint: { address: { socketAddress: { address: "z", portValue: 1 } } } }] }],
    });
    expect(work?.step()).toBe(false);
    expect(keyOf(balancer, set, 7n)).toBe("z:1");
    set.update({});
    expect(keyOf(balancer, set, 7n)).toBeUndefined();
  });

  test("a balancer in its place begins with it, and makes nothing anew for the same endpoints", () => {
    const { balancer, set, work: first } = changing();
    while (first?.step() === false);
    const next = createBalancer(policy);
    next.inherit?.(balancer);
    const same = endpointSet([1, 1, 1, 1]);
    for (const endpoint of same.all) endpoint.ejected = endpoint.key === "10.0.0.2:80";
    same.refresh();
    const work = next.prepare?.(same);
    expect(work?.step()).toBe(true);
    expect(hashes.map((hash) => keyOf(next, same, hash))).toEqual(hashes.map((hash) => keyOf(balancer, set, hash)));
    expect(same.all).toContain(next.pick(same, seededRandom(1), undefined, 1, 1n) as Endpoint);
  });

  test("a balancer in its place makes its own where sizes or weights are others", () => {
    const larger: BalancerPolicy =
      policy.t === "maglev" ? { ...policy, tableSize: 131_071 } : { ...RING, minSize: 200_000 };
    const last = createBalancer(policy);
    keyOf(last, endpointSet([1, 1, 1, 1]), 1n);
    for (const [of, weights] of [
      [larger, [1, 1, 1, 1]],
      [policy, [1, 1, 1, 5]],
    ] as const) {
      const [next, fresh] = [createBalancer(of), createBalancer(of)];
      next.inherit?.(last);
      const set = endpointSet(weights);
      const work = next.prepare?.(set);
      while (work?.step() === false);
      expect(hashes.map((hash) => keyOf(next, set, hash))).toEqual(hashes.map((hash) => keyOf(fresh, set, hash)));
      expect(next.tableSizes).toEqual(fresh.tableSizes);
    }
  });
});

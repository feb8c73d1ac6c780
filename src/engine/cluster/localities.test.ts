import { describe, expect, test } from "bun:test";
import { seededRandom } from "../../base/random.ts";
import type { ClusterLoadAssignment } from "../../xds/proto/endpoint.ts";
import { type Balancer, createBalancer } from "./balancer.ts";
import type { Endpoint } from "./endpoint.ts";
import { EndpointSet, type EndpointSetOptions } from "./endpoints.ts";

const SEED = 40_961;

interface Zone {
  readonly zone: string;
  readonly count: number;
  readonly sick?: number;
  readonly weight?: number | undefined;
}

/** Zone after zone; the first ones of each are sick. */
const assignment = (zones: readonly Zone[]): ClusterLoadAssignment => ({
  endpoints: zones.map(({ count, sick = 0, weight, zone }, z) => ({
    locality: { region: "r", zone },
    loadBalancingWeight: weight,
    lbEndpoints: Array.from({ length: count }, (_, i) => ({
      endpoint: { address: { socketAddress: { address: `10.0.${z}.${i}`, portValue: 80 } } },
      healthStatus: i < sick ? ("UNHEALTHY" as const) : ("HEALTHY" as const),
    })),
  })),
});

function setOf(zones: readonly Zone[], options: EndpointSetOptions): EndpointSet {
  const set = new EndpointSet(options);
  set.update(assignment(zones));
  return set;
}

/** Which part of the picks each zone gets, in percent. */
function shares(set: EndpointSet, balancer: Balancer = createBalancer({ t: "roundRobin" })): Record<string, number> {
  const random = seededRandom(SEED);
  const counts: Record<string, number> = {};
  const picks = 20_000;
  for (let i = 0; i < picks; i += 1) {
    const zone = balancer.pick(set, random)?.locality?.zone ?? "none";
    counts[zone] = (counts[zone] ?? 0) + 1;
  }
  return Object.fromEntries(Object.entries(counts).map(([zone, count]) => [zone, Math.round((100 * count) / picks)]));
}

describe("localities by weight", () => {
  const weighted = { localities: { t: "weighted" } } as const;

  test("get what their weights say, whatever their size", () => {
    const set = setOf(
      [
        { zone: "a", count: 1, weight: 1 },
        { zone: "b", count: 5, weight: 3 },
      ],
      weighted,
    );
    expect(shares(set)).toEqual({ a: 25, b: 75 });
    expect(shares(set, createBalancer({ t: "leastRequest", choiceCount: 2, activeRequestBias: 1 }))).toEqual({
      a: 25,
      b: 75,
    });
    expect(shares(set, createBalancer({ t: "random" }))).toEqual({ a: 25, b: 75 });
  });

  test("keep it while enough endpoints are left, and then get less", () => {
    const some = (sick: number) =>
      shares(
        setOf(
          [
            { zone: "a", count: 10, sick, weight: 1 },
            { zone: "b", count: 10, weight: 1 },
          ],
          weighted,
        ),
      );
    expect(some(2)).toEqual({ a: 50, b: 50 });
    // 140 % of half is 0.7 of the weight.
    expect(some(5)).toEqual({ a: 41, b: 59 });
  });

  test("get nothing without a weight; where nobody has one they do not count", () => {
    const none = (weight: number | undefined) =>
      shares(
        setOf(
          [
            { zone: "a", count: 1, weight },
            { zone: "b", count: 3 },
          ],
          weighted,
        ),
      );
    expect(none(1)).toEqual({ a: 100 });
    expect(none(undefined)).toEqual({ a: 25, b: 75 });
  });

  test("do not count in panic", () => {
    const zones = [
      { zone: "a", count: 1, weight: 9 },
      { zone: "b", count: 9, sick: 9, weight: 1 },
    ];
    expect(shares(setOf(zones, weighted))).toEqual({ a: 10, b: 90 });
  });

  test("of a balancer that hashes have their part of the table", () => {
    const set = setOf(
      [
        { zone: "a", count: 1, weight: 1 },
        { zone: "b", count: 5, weight: 3 },
      ],
      {},
    );
    const policy = { t: "maglev", tableSize: 65_537, useHostname: false, localityWeighted: true } as const;
    expect(shares(set, createBalancer(policy))).toEqual({ a: 25, b: 75 });
  });
});

describe("the own zone first", () => {
  const peersOf = (zones: readonly Zone[]): readonly Endpoint[] => setOf(zones, {}).all;
  const zoneAware = (peers: readonly Zone[], over: { routingPercent?: number; minSize?: number } = {}) => ({
    localities: { t: "zoneAware", routingPercent: 100, minSize: 6, ...over } as const,
    peers: () => ({ endpoints: peersOf(peers), locality: { region: "r", zone: "a" } }),
  });
  const EVEN = [
    { zone: "a", count: 2 },
    { zone: "b", count: 2 },
  ];

  test("takes all when it takes at least its part of the calls", () => {
    const zones = [
      { zone: "a", count: 3 },
      { zone: "b", count: 3 },
    ];
    expect(shares(setOf(zones, zoneAware(EVEN)))).toEqual({ a: 100 });
  });

  test("takes what it can, and the rest goes where there is room", () => {
    // Half of the callers are here, a quarter of the endpoints: half of the calls stay.
    const zones = [
      { zone: "a", count: 2 },
      { zone: "b", count: 4 },
      { zone: "c", count: 2 },
    ];
    const peers = [
      { zone: "a", count: 2 },
      { zone: "b", count: 1 },
      { zone: "c", count: 1 },
    ];
    expect(shares(setOf(zones, zoneAware(peers)))).toEqual({ a: 50, b: 50 });
  });

  test("is not looked at where there are too few, or nobody of it, or the callers are not known", () => {
    const zones = [
      { zone: "a", count: 2 },
      { zone: "b", count: 2 },
    ];
    expect(shares(setOf(zones, zoneAware(EVEN)))).toEqual({ a: 50, b: 50 });
    expect(shares(setOf(zones, zoneAware(EVEN, { minSize: 4 })))).toEqual({ a: 100 });
    const elsewhere = [
      { zone: "b", count: 3 },
      { zone: "c", count: 3 },
    ];
    expect(shares(setOf(elsewhere, zoneAware(EVEN)))).toEqual({ b: 50, c: 50 });
    const large = [
      { zone: "a", count: 3 },
      { zone: "b", count: 3 },
    ];
    expect(shares(setOf(large, { localities: zoneAware(EVEN).localities }))).toEqual({ a: 50, b: 50 });
  });

  test("may be for a part of the calls only", () => {
    const zones = [
      { zone: "a", count: 3 },
      { zone: "b", count: 3 },
    ];
    expect(shares(setOf(zones, zoneAware(EVEN, { routingPercent: 40 })))).toEqual({ a: 70, b: 30 });
  });
});

import { describe, expect, test } from "bun:test";
import type { LocalityLbSetting } from "../model/locality.ts";
import { parseLocality } from "../config/locality.ts";
import { defaultLocalityLbSetting } from "../model/locality.ts";
import type { Target } from "./destination.ts";
import { localityBalancing, localityGroups } from "./locality.ts";

/** An endpoint in `region/zone/subzone`, or nowhere. */
const target = (where: string, weight = 1, labels: Readonly<Record<string, string>> = {}): Target => ({
  workload: { name: where, namespace: "default", labels },
  address: { address: "127.0.0.1", port: 1 },
  healthy: true,
  weight,
  locality: where === "" ? undefined : parseLocality(where),
  takesMtls: false,
});

interface Call {
  readonly from?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly detectsOutliers?: boolean;
}

/** `locality priority weight` of each group. */
function groupsOf(targets: readonly Target[], setting: Partial<LocalityLbSetting> = {}, call: Call = {}) {
  const { from = "", labels = {}, detectsOutliers = true } = call;
  const view = {
    locality: from === "" ? undefined : parseLocality(from),
    labels,
    setting: { ...defaultLocalityLbSetting, ...setting },
    detectsOutliers,
  };
  return localityGroups(targets, view).map(({ priority, targets: found, weight }) => [
    found[0]?.workload.name ?? "",
    priority,
    weight,
  ]);
}

const PLACES = ["eu/eu-1/a", "eu/eu-1/b", "eu/eu-2/a", "us/us-1/a", "asia/as-1/a"];
const everywhere = PLACES.map((place) => target(place));

describe("by nearness", () => {
  test("same subzone, zone, region, and all others", () => {
    expect(groupsOf(everywhere, {}, { from: "eu/eu-1/a" }).map(([, priority]) => priority)).toEqual([0, 1, 2, 3, 3]);
    expect(groupsOf(everywhere, {}, { from: "us/us-1/b" }).map(([, priority]) => priority)).toEqual([1, 1, 1, 0, 1]);
  });

  test("without gaps, and with one priority where nothing is near", () => {
    expect(groupsOf([target("eu/eu-1"), target("us/us-1")], {}, { from: "eu/eu-1" })).toEqual([
      ["eu/eu-1", 0, 1],
      ["us/us-1", 1, 1],
    ]);
    expect(groupsOf(everywhere, {}, { from: "africa" }).map(([, priority]) => priority)).toEqual([0, 0, 0, 0, 0]);
  });

  test("not without outlier detection, and not where it is off", () => {
    expect(groupsOf(everywhere, {}, { from: "eu/eu-1/a", detectsOutliers: false }).every(([, p]) => p === 0)).toBe(
      true,
    );
    expect(groupsOf(everywhere, { enabled: false }, { from: "eu/eu-1/a" }).every(([, p]) => p === 0)).toBe(true);
  });

  test("endpoints of one locality are one group with their weights' sum", () => {
    expect(groupsOf([target("eu", 2), target("us"), target("eu", 3)], {}, { from: "eu" })).toEqual([
      ["eu", 0, 5],
      ["us", 1, 1],
    ]);
    expect(groupsOf([target(""), target("eu")])).toEqual([
      ["", 0, 1],
      ["eu", 1, 1],
    ]);
  });

  test("failover: the region that is named goes before others", () => {
    const failover = [{ from: "eu", to: "asia" }];
    expect(groupsOf(everywhere, { failover }, { from: "eu/eu-1/a" }).map(([, priority]) => priority)).toEqual([
      0, 1, 2, 4, 3,
    ]);
    expect(groupsOf(everywhere, { failover }, { from: "us/us-1/a" }).map(([, priority]) => priority)).toEqual([
      1, 1, 1, 0, 1,
    ]);
  });
});

describe("by labels", () => {
  const byLabels = (...labels: readonly (readonly [string, string?])[]): Partial<LocalityLbSetting> => ({
    failoverPriority: labels.map(([label, value]) => ({ label, value })),
  });
  const versions = [
    target("eu", 1, { version: "v1", tier: "a" }),
    target("eu", 1, { version: "v1" }),
    target("eu", 1, { tier: "a" }),
  ];

  test("as many of the caller's as there are without a gap", () => {
    const call = { from: "eu", labels: { version: "v1", tier: "a" } };
    expect(groupsOf(versions, byLabels(["version"], ["tier"]), call)).toEqual([
      ["eu", 0, 1],
      ["eu", 1, 1],
      ["eu", 2, 1],
    ]);
  });

  test("a value in place of the caller's", () => {
    expect(
      groupsOf(versions, byLabels(["version", "v2"], ["tier"]), { from: "eu", labels: { version: "v1" } }),
    ).toEqual([["eu", 0, 3]]);
    expect(groupsOf(versions, byLabels(["tier", "a"]), { from: "eu" })).toEqual([
      ["eu", 0, 2],
      ["eu", 1, 1],
    ]);
  });

  test("topology is labels too", () => {
    const setting = byLabels(["topology.kubernetes.io/region"], ["topology.kubernetes.io/zone"]);
    expect(groupsOf(everywhere, setting, { from: "eu/eu-2" }).map(([, priority]) => priority)).toEqual([1, 1, 0, 2, 2]);
  });

  test("and failover among those that have the same", () => {
    const setting = { ...byLabels(["tier", "a"]), failover: [{ from: "eu", to: "us" }] };
    const both = [target("asia", 1, { tier: "a" }), target("us", 1, { tier: "a" }), target("us"), target("asia")];
    expect(groupsOf(both, setting, { from: "eu" }).map(([where, priority]) => [where, priority])).toEqual([
      ["asia", 1],
      ["asia", 3],
      ["us", 0],
      ["us", 2],
    ]);
  });
});

describe("distribute", () => {
  const distribute = (from: string, to: Readonly<Record<string, number>>): Partial<LocalityLbSetting> => ({
    distribute: [
      {
        from: parseLocality(from),
        to: Object.entries(to).map(([locality, weight]) => ({ locality: parseLocality(locality), weight })),
      },
    ],
  });

  test("gives weights by locality, and nothing to others", () => {
    expect(
      groupsOf(everywhere, distribute("eu/eu-1/*", { "eu/eu-1/*": 80, "us/*": 20 }), { from: "eu/eu-1/a" }),
    ).toEqual([
      ["eu/eu-1/a", 0, 40],
      ["eu/eu-1/b", 0, 40],
      ["us/us-1/a", 0, 20],
    ]);
  });

  test("in shares of what the localities under one pattern weigh, rounded up", () => {
    expect(
      groupsOf([target("eu/a", 1), target("eu/b", 2), target("us/a")], distribute("*", { "eu/*": 70, us: 30 })),
    ).toEqual([
      ["eu/a", 0, 24],
      ["eu/b", 0, 47],
      ["us/a", 0, 30],
    ]);
  });

  test("for callers elsewhere changes nothing, whatever happens to endpoints", () => {
    expect(
      groupsOf(everywhere, distribute("asia", { us: 100 }), { from: "eu" }).every(([, p, w]) => p === 0 && w === 1),
    ).toBe(true);
    const off = { ...distribute("*", { eu: 100 }), enabled: false };
    expect(groupsOf(everywhere, off)).toHaveLength(5);
  });
});

describe("by zones", () => {
  const zoneAware = { minClusterSize: undefined };

  test("regions are told apart, zones are not, whether outliers are detected or not", () => {
    for (const detectsOutliers of [true, false])
      expect(groupsOf(everywhere, { zoneAware }, { from: "eu/eu-1/a", detectsOutliers }).map(([, p]) => p)).toEqual([
        0, 0, 0, 1, 1,
      ]);
  });

  test("failover and labels order what is in other regions", () => {
    const failover = [{ from: "eu", to: "asia" }];
    expect(groupsOf(everywhere, { zoneAware, failover }, { from: "eu/eu-1/a" }).map(([, p]) => p)).toEqual([
      0, 0, 0, 2, 1,
    ]);
    const labelled = [target("eu/a", 1, { tier: "x" }), target("eu/b"), target("us/a", 1, { tier: "x" })];
    const failoverPriority = [{ label: "tier", value: "x" }];
    expect(groupsOf(labelled, { zoneAware, failoverPriority }, { from: "eu/a" }).map(([, p]) => p)).toEqual([0, 2, 1]);
  });

  test("turned off, nobody is told apart, and the proxy is told so", () => {
    const off = { ...defaultLocalityLbSetting, zoneAware, enabled: false };
    expect(groupsOf(everywhere, off, { from: "eu/eu-1/a" }).map(([, p]) => p)).toEqual([0, 0, 0, 0, 0]);
    const view = { locality: undefined, labels: {}, setting: off, detectsOutliers: true };
    expect(localityBalancing({}, view)).toEqual({ zoneAwareLbConfig: { routingEnabled: {} } });
    const setting = { ...defaultLocalityLbSetting, zoneAware: { minClusterSize: 3 } };
    expect(localityBalancing({}, { ...view, setting })).toEqual({ zoneAwareLbConfig: { minClusterSize: 3 } });
  });
});

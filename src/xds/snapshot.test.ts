import { describe, expect, test } from "bun:test";
import { make } from "../../tests/support/ads-rig.ts";
import { compareTypes, TypeUrl, versionOf } from "./resources.ts";
import { Snapshot } from "./snapshot.ts";
import { SnapshotCache } from "./snapshot-cache.ts";

const { cds, eds, lds, rds, sds } = TypeUrl;

describe("Snapshot", () => {
  test("equal content has an equal version, and stays one object from one snapshot to the next", () => {
    const first = Snapshot.of([make.cluster("a"), make.cluster("b")]);
    const second = Snapshot.of([make.cluster("a"), make.cluster("b", "2")], first);
    expect(second.get(cds).get("a")).toBe(first.get(cds).get("a")!);
    expect(second.get(cds).get("b")!.version).not.toBe(first.get(cds).get("b")!.version);
    expect(Snapshot.of([make.cluster("b"), make.cluster("a")]).version(cds)).toBe(first.version(cds));
    expect(second.version(cds)).not.toBe(first.version(cds));
  });

  test("a name twice in one type is refused, in two types it is not", () => {
    expect(() => Snapshot.of([make.cluster("a"), make.cluster("a", "2")])).toThrow(
      /two resources of .*Cluster are named a/,
    );
    expect(Snapshot.of([make.cluster("a"), make.endpoints("a")]).types).toEqual([cds, eds]);
  });

  test("names cannot be moved into versions: no two different sets have one version", () => {
    const sets = [
      [{ name: "a", version: "bc" }],
      [{ name: "ab", version: "c" }],
      [
        { name: "a", version: "b" },
        { name: "c", version: "" },
      ],
      [{ name: 'a","b', version: "" }],
      [],
    ];
    expect(new Set(sets.map(versionOf)).size).toBe(sets.length);
  });

  test("types are ordered so that what is referred to comes first, unknown types last", () => {
    const types = ["x", rds, lds, eds, "w", cds, sds];
    expect(types.sort(compareTypes)).toEqual([sds, cds, eds, lds, rds, "w", "x"]);
  });

  test("a type without resources is empty, with a version of its own", () => {
    expect([...Snapshot.empty.get(cds)]).toEqual([]);
    expect(Snapshot.empty.version(cds)).toBe(Snapshot.of([make.listener("l")]).version(cds));
  });
});

describe("SnapshotCache", () => {
  test("tells the watchers of a node each new snapshot, until they stop", () => {
    const cache = new SnapshotCache();
    const told: Snapshot[] = [];
    const [one, two] = [Snapshot.of([make.cluster("a")]), Snapshot.of([make.cluster("b")])];
    cache.set("n", one);
    const stop = cache.watch("n", (it) => told.push(it));
    cache.set("n", one);
    cache.set("other", two);
    cache.set("n", two);
    stop();
    cache.set("n", one);
    expect(told).toEqual([two]);
    expect(cache.get("n")).toBe(one);
    cache.delete("n");
    expect(cache.get("n")).toBeUndefined();
  });

  test("a watcher that stops another while it is told", () => {
    const cache = new SnapshotCache();
    const told: string[] = [];
    const stops: (() => void)[] = [];
    for (const name of ["a", "b"]) {
      stops.push(
        cache.watch("n", () => {
          told.push(name);
          for (const stop of stops) stop();
        }),
      );
    }
    cache.set("n", Snapshot.empty);
    cache.set("n", Snapshot.of([make.cluster("a")]));
    expect(told).toEqual(["a", "b"]);
  });
});

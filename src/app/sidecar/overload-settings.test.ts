import { expect, test } from "bun:test";
import { overloadOf } from "./overload-settings.ts";

const KEY = "overload.global_downstream_max_connections";
const runtime = (staticLayer: Record<string, unknown>) => ({
  layeredRuntime: { layers: [{ name: "a", staticLayer: staticLayer as never }] },
});

test("where nothing is said, memory of the machine or of the command line, and no limit on connections", () => {
  const heap = (max: number | undefined) =>
    overloadOf({}, max, 5000).monitors.find(({ kind }) => kind === "heap")?.limit;
  expect([heap(undefined), heap(300)]).toEqual([5000, 300]);
  expect(overloadOf({}, undefined, 1).maxConnections).toBe(Number.POSITIVE_INFINITY);
});

test("an empty overload manager turns all of it off", () => {
  expect(overloadOf({ overloadManager: {} }, undefined, 5000)).toMatchObject({ monitors: [], actions: [] });
});

test("the runtime may limit connections, with dots or objects", () => {
  expect(overloadOf(runtime({ [KEY]: 7 }), undefined, 1).maxConnections).toBe(7);
  expect(overloadOf(runtime({ overload: { global_downstream_max_connections: 8 } }), undefined, 1).maxConnections).toBe(
    8,
  );
  expect(() => overloadOf(runtime({ [KEY]: "x" }), undefined, 1)).toThrow(/must be a whole number above 0, found "x"/);
});

test("memory is said in one place", () => {
  expect(() => overloadOf({ overloadManager: {} }, 300, 1)).toThrow(/--max-memory: say it in one place/);
});

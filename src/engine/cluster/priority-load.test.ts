import { describe, expect, test } from "bun:test";
import { type PriorityHealth, spreadLoad } from "./priority-load.ts";

/** A priority of 100 endpoints. */
const of = (healthy: number, degraded = 0): PriorityHealth => ({
  healthy,
  degraded,
  total: 100,
  endpoints: 100,
  availablePercent: healthy + degraded,
});

const spread = (priorities: readonly PriorityHealth[], panicPercent = 50) =>
  spreadLoad(priorities, 140, panicPercent).map((load) =>
    [load.healthyPercent, load.degradedPercent, ...(load.panic ? ["panic"] : [])].join(" "),
  );

describe("load over priorities", () => {
  test("a priority carries 1.4 times its healthy share, the next takes the rest", () => {
    expect(spread([of(100), of(100)])).toEqual(["100 0", "0 0"]);
    expect(spread([of(72), of(100)])).toEqual(["100 0", "0 0"]);
    expect(spread([of(71), of(100)])).toEqual(["99 0", "1 0"]);
    expect(spread([of(50), of(100)])).toEqual(["70 0", "30 0"]);
    expect(spread([of(25), of(100)])).toEqual(["35 0", "65 0"]);
    expect(spread([of(0), of(100)])).toEqual(["0 0", "100 0"]);
    expect(spread([of(25), of(25), of(100)])).toEqual(["35 0", "35 0", "30 0"]);
  });

  test("too little health in all is scaled up, and the first takes what rounding leaves", () => {
    expect(spread([of(20), of(20), of(10)], 0)).toEqual(["40 0", "40 0", "20 0"]);
    expect(spread([of(5), of(65)], 0)).toEqual(["8 0", "92 0"]);
    expect(spread([of(0), of(20, 20)], 0)).toEqual(["0 0", "50 50"]);
    expect(spread([of(0, 5), of(0, 65)], 0)).toEqual(["0 8", "0 92"]);
  });

  test("degraded endpoints take what the healthy of all priorities cannot carry", () => {
    expect(spread([of(50, 50), of(0)])).toEqual(["70 30", "0 0"]);
    expect(spread([of(0, 100), of(100)])).toEqual(["0 0", "100 0"]);
  });

  test("a poor priority does not panic while the whole can carry the load", () => {
    expect(spread([of(1), of(100)])).toEqual(["1 0", "99 0"]);
    expect(spread([of(5), of(65)])).toEqual(["8 0 panic", "92 0"]);
  });

  test("when all panic, size decides", () => {
    expect(spread([of(10), of(20)])).toEqual(["50 0 panic", "50 0 panic"]);
    const small = { healthy: 0, degraded: 0, total: 50, endpoints: 50, availablePercent: 0 };
    expect(spread([of(0), small])).toEqual(["67 0 panic", "33 0 panic"]);
  });

  test("nobody there, nobody healthy, no panic", () => {
    expect(spread([])).toEqual([]);
    expect(spread([of(0)], 0)).toEqual(["0 0"]);
    expect(spread([{ healthy: 0, degraded: 0, total: 0, endpoints: 0, availablePercent: 0 }])).toEqual(["0 0 panic"]);
  });
});

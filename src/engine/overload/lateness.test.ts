import { expect, test } from "bun:test";
import { Lateness } from "./lateness.ts";

const after = (...looks: readonly number[]): Lateness => {
  const lateness = new Lateness();
  for (const lateMs of looks) lateness.look(lateMs);
  return lateness;
};

test("being late once is nothing; twice in a row is what both were", () => {
  expect(after(500).ms).toBe(0);
  expect(after(500, 0, 500, 0).ms).toBe(0);
  expect(after(500, 300).ms).toBe(300);
});

test("it falls slowly and rises at once", () => {
  expect(after(100, 100, 0).ms).toBe(80);
  expect(after(100, 100, 0, 0).ms).toBe(64);
  expect(after(100, 100, 0, 0, 900, 900).ms).toBe(900);
});

test("a look that is late already counts as one, behind another that was", () => {
  const calm = after(0);
  calm.waiting(700);
  expect([calm.ms, calm.risesFromMs]).toEqual([0, Number.POSITIVE_INFINITY]);
  const busy = after(500);
  expect(busy.risesFromMs).toBe(0);
  busy.waiting(200);
  expect([busy.ms, busy.risesFromMs]).toEqual([200, 200]);
  busy.waiting(900);
  expect([busy.ms, busy.risesFromMs]).toEqual([500, Number.POSITIVE_INFINITY]);
});

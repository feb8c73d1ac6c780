import { expect, test } from "bun:test";
import { RecentRequests } from "./recent-requests.ts";

test("requests count for nine to ten parts of the interval", () => {
  const recent = new RecentRequests(1000);
  recent.add(50);
  recent.add(99);
  recent.add(100);
  expect([100, 999, 1000, 1099, 1100, 99_999].map((nowMs) => recent.count(nowMs))).toEqual([3, 3, 1, 1, 0, 0]);
  recent.add(100_000);
  expect(recent.count(100_899)).toBe(1);
  expect(recent.count(101_000)).toBe(0);
});

test("an interval that is too short for parts has parts of a millisecond", () => {
  const recent = new RecentRequests(3);
  recent.add(1);
  expect([1, 10, 11].map((nowMs) => recent.count(nowMs))).toEqual([1, 1, 0]);
});

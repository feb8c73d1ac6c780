import { expect, test } from "bun:test";
import { parseKeepAlive } from "./keep-alive.ts";

test.each([
  ["timeout=5", 4000, false],
  ["timeout=5, max=1000", 4000, false],
  ["max=100,timeout=75", 74_000, false],
  ["Timeout = 5 ; Max=1", 4000, false],
  ['timeout="20"', 19_000, false],
  ["timeout=1", 500, false],
  ["timeout=2", 1000, false],
  ["timeout=0", 0, true],
  ["timeout=5, max=0", 4000, true],
  ["max=0", Infinity, true],
  ["", Infinity, false],
  ["x-timeout=5", Infinity, false],
  ["timeout=5s", Infinity, false],
  ["timeout=-1", Infinity, false],
  ["timeout=9999999999", Infinity, false],
])("%p", (value, idleMs, isLast) => expect(parseKeepAlive(value)).toEqual({ idleMs, isLast }));

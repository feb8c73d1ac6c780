import { expect, test } from "bun:test";
import { compact } from "./compact.ts";

test("a small part of much is copied out of it; what is most of it, or small, stays", () => {
  const read = Buffer.alloc(64 * 1024, "x");
  const part = read.subarray(100, 110);
  const kept = compact(part);
  expect(kept).not.toBe(part);
  expect([kept.buffer.byteLength, Buffer.from(kept).toString()]).toEqual([10, "x".repeat(10)]);
  const half = read.subarray(0, 32 * 1024);
  expect(compact(half)).toBe(half);
  const little = Buffer.alloc(1000).subarray(0, 1);
  expect(compact(little)).toBe(little);
});

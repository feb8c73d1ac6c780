import { expect, test } from "bun:test";
import { FREED_BYTES, freeChunk } from "./free-chunk.ts";

const chunkOf = (bytes: number): Uint8Array => new Uint8Array(new ArrayBuffer(bytes)).fill(7);

test("a large chunk is given back, and every view of it is empty", () => {
  const chunk = chunkOf(FREED_BYTES);
  const view = chunk.subarray(5, 10);
  freeChunk(chunk);
  expect([chunk.length, view.length]).toEqual([0, 0]);
});

test("what is left behind a head that was copied counts as all of it", () => {
  const chunk = chunkOf(FREED_BYTES + 100);
  freeChunk(chunk.subarray(100));
  expect(chunk.length).toBe(0);
});

test.each([
  ["a small one", chunkOf(FREED_BYTES - 1)],
  ["one with bytes of others behind it", chunkOf(FREED_BYTES * 2).subarray(0, FREED_BYTES)],
])("%s stays", (_, chunk) => {
  const { length } = chunk;
  freeChunk(chunk);
  expect(chunk).toHaveLength(length);
  expect(chunk[length - 1]).toBe(7);
});

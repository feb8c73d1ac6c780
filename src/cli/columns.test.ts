import { describe, expect, test } from "bun:test";
import { columns } from "./columns.ts";
import { paintFor } from "./paint.ts";
import { span } from "./spans.ts";

describe("columns()", () => {
  test("are as wide as their widest cell, painted or not", () => {
    const rows = (paint = paintFor(false)) => [
      ["a", paint.red("long one"), "x"],
      ["bb", "", ""],
    ];
    const plain = columns(["ONE", "TWO", "THREE"], rows(), paintFor(false));
    expect(plain).toBe("ONE   TWO        THREE\na     long one   x\nbb\n");
    const painted = columns(["ONE", "TWO", "THREE"], rows(paintFor(true)), paintFor(true));
    expect(Bun.stripANSI(painted)).toBe(plain);
    expect(painted).not.toBe(plain);
  });
});

test.each([
  [0, "0s"],
  [999, "0s"],
  [45_000, "45s"],
  [192_000, "3m12s"],
  [3_600_000, "1h"],
  [2 * 86_400_000 + 4 * 3_600_000 + 59_000, "2d4h"],
])("span(%i) is %s", (ms, text) => {
  expect(span(ms)).toBe(text);
});

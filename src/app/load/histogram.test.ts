import { describe, expect, test } from "bun:test";
import { seededRandom } from "../../base/random.ts";
import { Histogram } from "./histogram.ts";

describe("the histogram", () => {
  test("without values everything is 0", () => {
    const h = new Histogram();
    expect([h.count, h.quantileMs(0.5), h.meanMs, h.minMs, h.maxMs]).toEqual([0, 0, 0, 0, 0]);
  });

  test("quantiles are those of a sorted list, to within 1 %", () => {
    const random = seededRandom(7);
    for (const scale of [0.05, 1, 40, 3_000, 400_000]) {
      const values = Array.from({ length: 5000 }, () => scale * (0.01 + random() ** 3));
      const h = new Histogram();
      for (const v of values) h.record(v);
      values.sort((a, b) => a - b);
      for (const q of [0, 0.01, 0.5, 0.9, 0.99, 0.999, 1]) {
        const exact = values[Math.max(0, Math.ceil(q * values.length) - 1)] ?? 0;
        expect(Math.abs(h.quantileMs(q) - exact), `q ${q} at scale ${scale}`).toBeLessThan(exact * 0.01 + 0.001);
      }
      expect(h.minMs).toBe(values[0] ?? 0);
      expect(h.maxMs).toBe(values.at(-1) ?? 0);
      expect(h.meanMs).toBeCloseTo(values.reduce((a, b) => a + b) / values.length, 6);
    }
  });

  test("what is below zero or beyond the last bucket still counts", () => {
    const h = new Histogram();
    h.record(-1);
    h.record(1e12);
    expect(h.count).toBe(2);
    expect(h.quantileMs(0)).toBe(0);
    expect(h.quantileMs(1)).toBeGreaterThan(60_000_000);
  });
});

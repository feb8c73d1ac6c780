import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { attemptTimeoutMs, DEFAULT_RETRY, step, type SvidEvent, type SvidState } from "./svid-machine.ts";

const NOW = 1_000_000;
const run = (s: SvidState, e: SvidEvent, nowMs = NOW): SvidState => step(DEFAULT_RETRY, s, e, nowMs);
const asking: SvidState = { t: "asking", attempt: 3, failures: 0, notAfterMs: NOW + 60_000 };
const holding: SvidState = { t: "holding", attempt: 3, notAfterMs: NOW + 60_000, wakeMs: NOW + 25_000 };
const pausing: SvidState = { t: "pausing", attempt: 3, failures: 2, wakeMs: NOW + 400, notAfterMs: NOW + 60_000 };

describe("step()", () => {
  test("begins to ask at the start, once", () => {
    const first = run({ t: "idle" }, { t: "start" });
    expect(first).toEqual({ t: "asking", attempt: 1, failures: 0 });
    expect(run(first, { t: "start" })).toBe(first);
    expect(run({ t: "idle" }, { t: "tick" })).toEqual({ t: "idle" });
  });

  test.each([
    [0, 0.4],
    [0.5, 0.45],
    [0.999999, 0.5],
  ])("with jitter %p wakes after %p of the life that is left on arrival", (jitter, share) => {
    const next = run(asking, { t: "issued", attempt: 3, notAfterMs: NOW + 100_000, jitter });
    expect(next.t === "holding" && Math.round(next.wakeMs)).toBe(NOW + share * 100_000);
  });

  test("does not listen to answers of older attempts", () => {
    expect(run(asking, { t: "issued", attempt: 2, notAfterMs: NOW + 1, jitter: 0 })).toBe(asking);
    expect(run(asking, { t: "failed", attempt: 2, jitter: 0 })).toBe(asking);
    expect(run(holding, { t: "failed", attempt: 3, jitter: 0 })).toBe(holding);
    expect(run(pausing, { t: "issued", attempt: 3, notAfterMs: NOW + 1, jitter: 0 })).toBe(pausing);
  });

  test("asks again when it is time, not before", () => {
    expect(run(holding, { t: "tick" }, NOW + 24_999)).toBe(holding);
    const renewal = run(holding, { t: "tick" }, NOW + 25_000);
    expect(renewal).toEqual({ t: "asking", attempt: 4, failures: 0, notAfterMs: NOW + 60_000 });
    expect(run(pausing, { t: "tick" }, NOW + 399)).toBe(pausing);
    expect(run(pausing, { t: "tick" }, NOW + 400)).toEqual({
      t: "asking",
      attempt: 4,
      failures: 2,
      notAfterMs: NOW + 60_000,
    });
    expect(run(holding, { t: "renewNow" }).t).toBe("asking");
    expect(run(asking, { t: "renewNow" })).toBe(asking);
  });

  test("doubles its pauses up to the longest", () => {
    const pauses: number[] = [];
    let s: SvidState = { t: "asking", attempt: 1, failures: 0 };
    for (let i = 0; i < 9; i++) {
      s = run(s, { t: "failed", attempt: s.t === "asking" ? s.attempt : 0, jitter: 0.999999 });
      if (s.t !== "pausing") throw new Error(s.t);
      pauses.push(Math.round(s.wakeMs - NOW));
      s = step(DEFAULT_RETRY, s, { t: "tick" }, s.wakeMs);
    }
    expect(pauses).toEqual([200, 400, 800, 1600, 3200, 6400, 10_000, 10_000, 10_000]);
    const half = run({ t: "asking", attempt: 1, failures: 3 }, { t: "failed", attempt: 1, jitter: 0 });
    expect(half.t === "pausing" && half.wakeMs - NOW).toBe(800);
  });

  test("stops from every state and stays there", () => {
    for (const s of [{ t: "idle" }, asking, holding, pausing] as const)
      expect(run(s, { t: "stop" })).toEqual({ t: "stopped" });
    expect(run({ t: "stopped" }, { t: "start" })).toEqual({ t: "stopped" });
  });

  test("has several attempts in what is left of any life, and keeps its end in every state", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2000, max: 90 * 86_400_000 }),
        fc.array(fc.double({ min: 0, max: 0.999, noNaN: true }), { minLength: 30, maxLength: 30 }),
        (lifeMs, jitters) => {
          const endMs = NOW + lifeMs;
          let s = run(
            { t: "asking", attempt: 1, failures: 0 },
            { t: "issued", attempt: 1, notAfterMs: endMs, jitter: jitters[0] ?? 0 },
          );
          let attempts = 0;
          for (const jitter of jitters) {
            if (s.t !== "holding" && s.t !== "pausing") throw new Error(s.t);
            const nowMs = s.wakeMs;
            if (nowMs >= endMs) break;
            s = step(DEFAULT_RETRY, s, { t: "tick" }, nowMs);
            attempts++;
            s = step(DEFAULT_RETRY, s, { t: "failed", attempt: attempts + 1, jitter }, nowMs);
            if (s.t === "pausing") expect(s.notAfterMs).toBe(endMs);
          }
          expect(attempts).toBeGreaterThanOrEqual(3);
        },
      ),
    );
  });
});

describe("attemptTimeoutMs()", () => {
  test.each([
    [undefined, 10_000],
    [NOW - 1, 10_000],
    [NOW + 86_400_000, 10_000],
    [NOW + 20_000, 5000],
    [NOW + 2500, 1000],
  ])("with an SVID until %p waits %p ms", (notAfterMs, expected) => {
    expect(attemptTimeoutMs(DEFAULT_RETRY, notAfterMs, NOW)).toBe(expected);
  });
});

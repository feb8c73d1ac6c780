import { expect, test } from "bun:test";
import { ManualClock } from "../base/manual-clock.ts";
import { seededRandom } from "../base/random.ts";
import { Deadline, Deadlines } from "./deadlines.ts";

test("a deadline fires once, not before its time and at most a tick late", () => {
  const clock = new ManualClock();
  clock.advance(3);
  const deadlines = new Deadlines(clock);
  let firedMs = -1;
  const deadline = new Deadline(() => void (firedMs = clock.nowMs()));
  deadlines.set(deadline, 25);
  expect(deadline.isSet).toBe(true);
  clock.advance(24);
  expect(firedMs).toBe(-1);
  clock.advance(100);
  expect(firedMs).toBe(30);
  expect(deadline.isSet).toBe(false);
  expect(clock.pendingTimers).toBe(0);
});

test("one that is cleared does not fire, and nothing ticks for it", () => {
  const clock = new ManualClock();
  const deadlines = new Deadlines(clock);
  const deadline = new Deadline(() => {
    throw new Error("fired");
  });
  deadlines.set(deadline, 25);
  deadlines.clear(deadline);
  deadlines.clear(deadline);
  clock.advance(10);
  expect(clock.pendingTimers).toBe(0);
  clock.advance(100);
});

test("one that fires may clear another of the same tick, or set it anew", () => {
  const clock = new ManualClock();
  const deadlines = new Deadlines(clock);
  const fired: string[] = [];
  const cleared = new Deadline(() => void fired.push(`cleared ${clock.nowMs()}`));
  const moved = new Deadline(() => void fired.push(`moved ${clock.nowMs()}`));
  const change = (): void => {
    deadlines.clear(cleared);
    if (clock.nowMs() < 50) deadlines.set(moved, 100);
  };
  // On both sides of them in the slot.
  const first = new Deadline(change);
  const last = new Deadline(change);
  deadlines.set(first, 20);
  deadlines.set(cleared, 20);
  deadlines.set(moved, 20);
  deadlines.set(last, 20);
  clock.advance(1000);
  expect(fired).toEqual(["moved 120"]);
});

/** Does what the wheel does, with one timer each. */
class NaiveTwin {
  readonly dueMs = new Map<number, number>();
}

test("random sets, clears and waits: as a twin that keeps a list", () => {
  const seed = Math.floor(Math.random() * 2 ** 31);
  console.log(`seed ${seed}`);
  const random = seededRandom(seed);
  const clock = new ManualClock();
  const deadlines = new Deadlines(clock);
  const twin = new NaiveTwin();
  let setsAgain = true;
  const set = (i: number): void => {
    // Short ones, ones that lie a turn of the wheel ahead, and fractions.
    const delayMs = random() < 0.1 ? random() * 20_000 : random() * 200;
    deadlines.set(all[i] as Deadline, delayMs);
    twin.dueMs.set(i, clock.nowMs() + delayMs);
  };
  const all: readonly Deadline[] = Array.from(
    { length: 50 },
    (_, i) =>
      new Deadline(() => {
        const dueMs = twin.dueMs.get(i);
        if (dueMs === undefined) throw new Error(`${i} fired and was not set`);
        expect(clock.nowMs()).toBeGreaterThanOrEqual(dueMs);
        expect(clock.nowMs() - dueMs).toBeLessThan(11);
        twin.dueMs.delete(i);
        if (setsAgain && random() < 0.3) set(Math.floor(random() * 50));
      }),
  );
  for (let step = 0; step < 20_000; step++) {
    const i = Math.floor(random() * all.length);
    const draw = random();
    if (draw < 0.5) set(i);
    else if (draw < 0.7) {
      deadlines.clear(all[i] as Deadline);
      twin.dueMs.delete(i);
    } else clock.advance(random() < 0.05 ? random() * 8000 : random() * 30);
    for (const [late, dueMs] of twin.dueMs) if (clock.nowMs() - dueMs > 11) throw new Error(`${late} is late`);
    for (const [j, deadline] of all.entries())
      if (deadline.isSet !== twin.dueMs.has(j)) throw new Error(`${j} differs`);
  }
  setsAgain = false;
  clock.advance(30_000);
  expect(twin.dueMs.size).toBe(0);
  expect(clock.pendingTimers).toBe(0);
});

import { describe, expect, test } from "bun:test";
import { ManualClock } from "../base/manual-clock.ts";
import { ACCESS_LINES_DROPPED, AccessLog, type AccessSink } from "./access-log.ts";
import type { AccessLine } from "./access-line.ts";
import type { AccessRecord } from "./access-record.ts";
import { Registry } from "./registry.ts";

/** Lines of ten bytes: `0000000042\n` without its first. */
const LINE: AccessLine = {
  fixedBytes: 10,
  write: ({ bytesSent }, out) => out.literal(Buffer.from(`${String(bytesSent).padStart(9, "0")}\n`)),
};

interface Bench {
  readonly clock: ManualClock;
  readonly log: AccessLog;
  readonly batches: string[];
  readonly dropped: () => number;
  readonly record: (from: number, to: number) => void;
}

function bench(takes: (bytes: Uint8Array) => number = (bytes) => bytes.length): Bench {
  const clock = new ManualClock();
  const batches: string[] = [];
  const counter = new Registry().counter(ACCESS_LINES_DROPPED);
  const sink: AccessSink = (bytes) => {
    const taken = takes(bytes);
    if (taken > 0) batches.push(Buffer.from(bytes.subarray(0, taken)).toString());
    return taken;
  };
  const log = new AccessLog({ line: LINE, sink, clock, dropped: counter, flushBytes: 50, maxLineBytes: 10 });
  const record = (from: number, to: number): void => {
    for (let i = from; i < to; i++) log.record({ bytesSent: i } as AccessRecord);
  };
  return { clock, log, batches, dropped: () => counter.value, record };
}

const numbers = (batches: readonly string[]): number[] => batches.join("").split("\n").slice(0, -1).map(Number);

describe("access log", () => {
  test("a batch leaves when it is full, the rest by the timer", () => {
    const { clock, batches, record } = bench();
    record(0, 7);
    expect(batches.map((batch) => batch.length)).toEqual([50]);
    clock.advance(999);
    expect(batches).toHaveLength(1);
    clock.advance(1);
    expect(numbers(batches)).toEqual([0, 1, 2, 3, 4, 5, 6]);
    expect(clock.pendingTimers).toBe(0);
  });

  test("an idle log has no timer; closing writes what is left", () => {
    const { clock, log, batches, record } = bench();
    expect(clock.pendingTimers).toBe(0);
    record(0, 1);
    expect(clock.pendingTimers).toBe(1);
    log.close();
    expect([clock.pendingTimers, batches.length]).toEqual([0, 1]);
  });

  test("a sink that is stuck is not asked for each request; lines over the bound are dropped and counted", () => {
    let calls = 0;
    let room = 0;
    const { clock, batches, dropped, record } = bench((bytes) => {
      calls++;
      return Math.min(bytes.length, room);
    });
    record(0, 100);
    expect([calls, dropped(), batches.length]).toEqual([1, 95, 0]);
    clock.advance(1000);
    expect(calls).toBe(2);
    room = 1000;
    clock.advance(1000);
    record(200, 201);
    clock.advance(1000);
    expect(numbers(batches)).toEqual([0, 1, 2, 3, 4, 200]);
  });

  test("a sink may take any part: no byte is lost or doubled", () => {
    const { clock, log, batches, dropped, record } = bench((bytes) => Math.min(bytes.length, 7));
    for (let i = 0; i < 20; i++) {
      record(i, i + 1);
      log.flush();
      clock.advance(1);
    }
    for (let i = 0; i < 40; i++) log.flush();
    expect(numbers(batches)).toEqual(Array.from({ length: 20 }, (_, i) => i).slice(0, 20 - dropped()));
    expect(clock.pendingTimers).toBe(0);
  });

  test("a sink that throws fails no request", () => {
    let broken = true;
    const { clock, batches, dropped, record } = bench((bytes) => {
      if (broken) throw new Error("no space left on device");
      return bytes.length;
    });
    record(0, 6);
    expect(dropped()).toBe(1);
    broken = false;
    clock.advance(1000);
    expect(numbers(batches)).toEqual([0, 1, 2, 3, 4]);
  });
});

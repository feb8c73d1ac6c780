import { describe, expect, test } from "bun:test";
import { ManualClock } from "../base/manual-clock.ts";
import { Buckets, DEFAULT_BOUNDS } from "./buckets.ts";
import { LabelSet } from "./labels.ts";
import { prometheusText } from "./prometheus.ts";
import { plainStats } from "./plain-stats.ts";
import { Registry } from "./registry.ts";

const HITS = { name: "hits_total", help: "Hits" };
const OPEN = { name: "open", help: "Open things" };
const SIZE = { name: "size", help: "Sizes" };
const MINUTE = 60_000;

const text = (registry: Registry): string => [...prometheusText(registry)].join("");

describe("labels", () => {
  test("two orders of writing are one series", () => {
    const registry = new Registry();
    registry.counter(HITS, { a: "1", b: "2" }).add();
    registry.counter(HITS, { b: "2", a: "1" }).add(2);
    expect(text(registry)).toEndWith('hits_total{a="1",b="2"} 3\n');
  });

  test("names that are no label names are refused", () => {
    for (const name of ["", "1a", "a-b", "__reserved", 'a"'])
      expect(() => new LabelSet({ [name]: "x" })).toThrow(RangeError);
  });

  test("values have a bound", () => {
    expect(new LabelSet({ a: "x".repeat(5000) }).text.length).toBeLessThan(1100);
  });
});

describe("registry", () => {
  test("a name belongs to one kind", () => {
    const registry = new Registry();
    registry.counter(HITS);
    expect(() => registry.gauge(HITS)).toThrow("metric hits_total is a counter already: cannot be a gauge too");
    expect(() => registry.counter({ name: "a b", help: "" })).toThrow(RangeError);
  });

  test("handles stay right while the table grows", () => {
    const registry = new Registry();
    const handles = Array.from({ length: 500 }, (_, i) => registry.counter(HITS, { i: String(i) }));
    const histograms = Array.from({ length: 50 }, (_, i) => registry.histogram(SIZE, { i: String(i) }));
    for (const [i, handle] of handles.entries()) handle.add(i);
    for (const [i, histogram] of histograms.entries()) histogram.observe(i);
    expect(handles.map((handle) => handle.value)).toEqual(Array.from({ length: 500 }, (_, i) => i));
    expect(histograms.map((histogram) => histogram.sum)).toEqual(Array.from({ length: 50 }, (_, i) => i));
    expect(histograms.every((histogram) => histogram.count === 1)).toBeTrue();
  });

  test("series over the limit are counted together, and the refusals are counted", () => {
    const registry = new Registry({ maxSeries: 2 });
    for (let i = 0; i < 5; i++) registry.counter(HITS, { i: String(i) }).add(10 ** i);
    expect(text(registry)).toContain(
      'hits_total{i="0"} 1\nhits_total{i="1"} 10\nhits_total{tulle_overflow="true"} 11100\n',
    );
    expect(text(registry)).toContain('tulle_metrics_series_dropped_total{metric="hits_total"} 3\n');
  });

  test("idle series are forgotten after ten minutes, busy ones and gauges are not", () => {
    const clock = new ManualClock();
    const registry = new Registry();
    const timer = registry.sweepOn(clock);
    const [idle, busy] = [registry.counter(HITS, { is: "idle" }), registry.counter(HITS, { is: "busy" })];
    const kept = registry.counter({ name: "kept_total", help: "", idle: "keep" });
    registry.gauge(OPEN).set(3);
    registry.histogram(SIZE).observe(0);
    for (const counter of [idle, busy, kept]) counter.add();
    for (let minute = 0; minute < 10; minute++) {
      busy.add();
      clock.advance(MINUTE);
    }
    expect(text(registry)).toContain('is="idle"');
    clock.advance(MINUTE);
    expect(text(registry)).toBe(
      '# HELP hits_total Hits\n# TYPE hits_total counter\nhits_total{is="busy"} 11\n' +
        "# HELP kept_total \n# TYPE kept_total counter\nkept_total 1\n# HELP open Open things\n# TYPE open gauge\nopen 3\n",
    );
    timer.cancel();
    expect(clock.pendingTimers).toBe(0);
  });

  test("a handle whose series was forgotten makes it anew, and never writes into another's", () => {
    const registry = new Registry({ idleMs: 1 });
    const [first, twin] = [registry.counter(HITS, { n: "first" }), registry.counter(HITS, { n: "first" })];
    first.add(5);
    registry.sweep(0);
    registry.sweep(10);
    expect(text(registry)).toBe("");
    const second = registry.counter(HITS, { n: "second" }); // takes the row of the first
    second.add(7);
    first.add(1);
    twin.add(1);
    expect([first.value, twin.value, second.value]).toEqual([2, 2, 7]);
  });

  test("who was refused gets a series of its own once there is room", () => {
    const registry = new Registry({ maxSeries: 1, idleMs: 1 });
    registry.counter(HITS, { n: "first" }).add();
    const late = registry.counter(HITS, { n: "late" });
    late.add();
    registry.sweep(0);
    registry.sweep(10);
    late.add();
    expect(text(registry)).toContain('hits_total{n="late"} 1\nhits_total{tulle_overflow="true"} 1\n');
  });
});

describe("buckets", () => {
  const slow = (bounds: readonly number[], value: number): number => {
    const found = bounds.findIndex((bound) => value <= bound);
    return found < 0 ? bounds.length : found;
  };
  const LARGE = [0.001, 0.25, 3, 2 ** 20, 2 ** 31 - 1, 2 ** 31, 2 ** 32, 2 ** 40];

  test("agree with a search from the start, at each bound and around it", () => {
    for (const bounds of [DEFAULT_BOUNDS, LARGE, [7], [-5, 0, 5]]) {
      const buckets = new Buckets(bounds);
      const values = [...bounds.flatMap((b) => [b, b - 0.01, b + 0.01, b * 1.5, Math.floor(b / 2)]), 0, -1, -0.5, -100];
      values.push(Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN, 2 ** 31, 2 ** 32, 2 ** 53);
      for (const value of values) expect([value, buckets.indexOf(value)]).toEqual([value, slow(bounds, value)]);
    }
  });

  test("bounds must rise", () => {
    for (const bounds of [[], [1, 1], [2, 1], [Number.NaN], [1, Number.POSITIVE_INFINITY]]) {
      expect(() => new Buckets(bounds)).toThrow(RangeError);
    }
  });
});

describe("plain stats", () => {
  test("lines in order of their names, histograms by the bounds of their quantiles", () => {
    const registry = new Registry();
    registry.counter({ ...HITS, plainName: (labels) => `b.${labels.value("x")}.hits` }, { x: "1.2" }).add(4);
    registry.gauge(OPEN).set(2);
    const size = registry.histogram({ name: "a_size", help: "" });
    registry.histogram({ name: "a_void", help: "" });
    for (let i = 1; i <= 100; i++) size.observe(i);
    expect(plainStats(registry)).toBe(
      "a_size: P50<=50 P90<=100 P99<=100 count=100 sum=5050\na_void: No recorded values\nb.1.2.hits: 4\nopen: 2\n",
    );
    expect(plainStats(registry, { accepts: (name) => name.startsWith("b.") })).toBe("b.1.2.hits: 4\n");
  });
});

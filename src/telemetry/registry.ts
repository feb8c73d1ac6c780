/**
 * All metrics of a process. Metrics are defined by name, series of a metric are resolved to handles.
 *
 * Bounded: a metric has at most `maxSeries` series, the rest falls into one overflow series and is counted in
 * `tulle_metrics_series_dropped_total`. Traffic metrics forget series that were idle for `idleMs`, so a peer that
 * went away does not stay for ever.
 *
 * @module
 */
import type { Clock, Timer } from "../base/clock.ts";
import { Buckets, DEFAULT_BOUNDS } from "./buckets.ts";
import { LabelSet, NO_LABELS, type Labels } from "./labels.ts";
import { Counter, Gauge, Histogram } from "./metrics.ts";
import { SeriesTable } from "./series-table.ts";

export interface MetricDefinition {
  /** Name in the Prometheus text. */
  readonly name: string;
  readonly help: string;
  /** `drop` (default) forgets idle series; `keep` is for what describes a state, and is removed by who made it. */
  readonly idle?: "drop" | "keep";
  /** Name in the plain dump, where it is not `name{labels}`. */
  readonly plainName?: (labels: LabelSet) => string;
}

export interface HistogramDefinition extends MetricDefinition {
  /** Upper bounds of the buckets; Envoy's defaults if absent. */
  readonly bounds?: readonly number[];
}

export interface Metric {
  readonly kind: "counter" | "gauge" | "histogram";
  readonly definition: MetricDefinition;
  readonly table: SeriesTable;
  /** Of a histogram; a counter and a gauge have one number a row. */
  readonly buckets: Buckets | undefined;
}

export interface RegistryLimits {
  /** @default 2000 */
  readonly maxSeries?: number;
  /** @default 600_000 */
  readonly idleMs?: number;
}

const METRIC_NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const SWEEP_EVERY_MS = 60_000;

export class Registry {
  readonly #metrics = new Map<string, Metric>();
  readonly #maxSeries: number;
  readonly #idleMs: number;

  constructor(limits: RegistryLimits = {}) {
    this.#maxSeries = limits.maxSeries ?? 2000;
    this.#idleMs = limits.idleMs ?? 600_000;
  }

  /** @throws {RangeError} If the name is not a metric name or belongs to a metric of another kind. */
  counter(definition: MetricDefinition, labels: LabelSet | Labels = NO_LABELS): Counter {
    return new Counter(this.#metric("counter", definition).table, asSet(labels));
  }

  /** As {@link counter}. A gauge tells a state: its series are never forgotten for being idle. */
  gauge(definition: MetricDefinition, labels: LabelSet | Labels = NO_LABELS): Gauge {
    return new Gauge(this.#metric("gauge", definition).table, asSet(labels));
  }

  /** As {@link counter}. The bounds are those of the first definition. */
  histogram(definition: HistogramDefinition, labels: LabelSet | Labels = NO_LABELS): Histogram {
    const known = this.#metrics.get(definition.name)?.buckets;
    const buckets = known ?? new Buckets(definition.bounds ?? DEFAULT_BOUNDS);
    return new Histogram(this.#metric("histogram", definition, buckets).table, asSet(labels), buckets);
  }

  /** In order of their names. */
  metrics(): readonly Metric[] {
    return [...this.#metrics.values()].sort((a, b) => (a.definition.name < b.definition.name ? -1 : 1));
  }

  /** Forgets idle series. */
  sweep(nowMs: number): void {
    for (const metric of this.#metrics.values()) {
      if (metric.kind !== "gauge" && metric.definition.idle !== "keep") metric.table.sweep(nowMs, this.#idleMs);
    }
  }

  /** Sweeps once a minute until the returned timer is cancelled. */
  sweepOn(clock: Clock): Timer {
    const tick = (): void => {
      this.sweep(clock.nowMs());
      timer = clock.after(SWEEP_EVERY_MS, tick);
    };
    let timer = clock.after(SWEEP_EVERY_MS, tick);
    return { cancel: () => timer.cancel() };
  }

  #metric(kind: Metric["kind"], definition: MetricDefinition, buckets?: Buckets): Metric {
    const { name } = definition;
    const known = this.#metrics.get(name);
    if (known?.kind === kind) return known;
    if (known) throw new RangeError(`metric ${name} is a ${known.kind} already: cannot be a ${kind} too`);
    if (!METRIC_NAME.test(name)) {
      throw new RangeError(`metric name must match ${METRIC_NAME.source}: found ${JSON.stringify(name)}`);
    }
    const width = buckets ? buckets.bounds.length + 2 : 1;
    const table = new SeriesTable(width, this.#maxSeries, () => this.#refused(name));
    const metric: Metric = { kind, definition, table, buckets };
    this.#metrics.set(name, metric);
    return metric;
  }

  #refused(metric: string): void {
    if (metric !== DROPPED.name) this.counter(DROPPED, { metric }).add();
  }
}

const DROPPED: MetricDefinition = {
  name: "tulle_metrics_series_dropped_total",
  help: "Series that found no room in their metric and were counted in its overflow series",
  idle: "keep",
};

const asSet = (labels: LabelSet | Labels): LabelSet => (labels instanceof LabelSet ? labels : new LabelSet(labels));

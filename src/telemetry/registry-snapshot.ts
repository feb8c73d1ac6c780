/**
 * The metrics of one process as plain data, and of several processes as one registry.
 *
 * Counters and histograms add up; so do gauges, but for those that tell what all the processes have been told alike, of
 * which the largest counts.
 *
 * @module
 */
import { LabelSet } from "./labels.ts";
import { type Metric, type MetricDefinition, Registry } from "./registry.ts";

export interface MetricSnapshot {
  readonly kind: Metric["kind"];
  readonly name: string;
  readonly help: string;
  /** Of a histogram. */
  readonly bounds: readonly number[];
  readonly series: readonly SeriesSnapshot[];
}

export interface SeriesSnapshot {
  readonly labels: Readonly<Record<string, string>>;
  /** Name in the plain dump, where it has one. */
  readonly plainName: string | undefined;
  /** The row: one number, or those of a histogram. */
  readonly values: readonly number[];
}

export type RegistrySnapshot = readonly MetricSnapshot[];

/** What all processes of a group were told alike: `membership_*`, ejections, pressure. */
const LARGEST = /^envoy_cluster_(membership_|outlier_detection_ejections_active)|^envoy_overload_/;

export function snapshotOf(registry: Registry): RegistrySnapshot {
  return registry.metrics().map(({ kind, definition, table, buckets }) => ({
    kind,
    name: definition.name,
    help: definition.help,
    bounds: [...(buckets?.bounds ?? [])],
    series: [...table.series()].map(([labels, row]) => ({
      labels: Object.fromEntries(labels.pairs),
      plainName: plainNameOf(definition, labels),
      values: [...table.values.subarray(row * table.width, (row + 1) * table.width)],
    })),
  }));
}

const plainNameOf = ({ plainName }: MetricDefinition, labels: LabelSet): string | undefined =>
  plainName === undefined || labels.value("tulle_overflow") !== "" ? undefined : plainName(labels);

/** One registry for reading. Snapshots of unequal kinds or bounds under one name: the first that is met counts. */
export function mergedRegistry(snapshots: readonly RegistrySnapshot[]): Registry {
  const merged = new Registry({ maxSeries: Number.MAX_SAFE_INTEGER });
  const shapes = new Map<string, MetricSnapshot>();
  const plainNames = new Map<string, string>();
  for (const snapshot of snapshots)
    for (const metric of snapshot) {
      const shape = shapes.get(metric.name) ?? metric;
      shapes.set(metric.name, shape);
      if (shape.kind !== metric.kind || shape.bounds.length !== metric.bounds.length) continue;
      for (const series of metric.series) addSeries(merged, metric, series, plainNames);
    }
  return merged;
}

function addSeries(
  into: Registry,
  metric: MetricSnapshot,
  series: SeriesSnapshot,
  plainNames: Map<string, string>,
): void {
  const { name, help } = metric;
  const labels = new LabelSet(series.labels);
  const key = `${name} ${labels.text}`;
  if (series.plainName !== undefined) plainNames.set(key, series.plainName);
  const plainName = (of: LabelSet): string => plainNames.get(`${name} ${of.text}`) ?? `${name}{${of.text}}`;
  const definition = { name, help, ...(series.plainName === undefined ? {} : { plainName }) };
  const { table } = handleOf(into, metric, definition, labels);
  const offset = table.row(labels) * table.width;
  for (const [i, value] of series.values.entries()) {
    const known = table.values[offset + i] ?? 0;
    table.values[offset + i] = LARGEST.test(name) ? Math.max(known, value) : known + value;
  }
}

function handleOf(into: Registry, { kind, bounds }: MetricSnapshot, definition: MetricDefinition, labels: LabelSet) {
  switch (kind) {
    case "counter":
      return into.counter(definition, labels);
    case "gauge":
      return into.gauge(definition, labels);
    case "histogram":
      return into.histogram({ ...definition, bounds }, labels);
  }
}

/** What stays of a process that has ended: what it has counted, not what it held. */
export const countsOf = (snapshot: RegistrySnapshot): RegistrySnapshot =>
  snapshot.filter(({ kind }) => kind !== "gauge");

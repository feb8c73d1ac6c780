/**
 * Metrics as `name: value` lines, in order of their names, as Envoy's `/stats` prints them.
 *
 * Differs: Envoy prints quantiles of histograms; we keep buckets, not quantiles, and print count, sum and the upper
 * bound of the bucket in which each quantile lies.
 *
 * @module
 */
import type { LabelSet } from "./labels.ts";
import type { Metric, Registry } from "./registry.ts";

const QUANTILES = [0.5, 0.9, 0.99];

export interface PlainStatsFilter {
  /** Only names that this accepts. */
  readonly accepts?: (name: string) => boolean;
}

/** One line a series. */
export function plainStats(registry: Registry, filter: PlainStatsFilter = {}): string {
  const lines: string[] = [];
  for (const metric of registry.metrics()) {
    for (const [labels, row] of metric.table.series()) {
      const name = nameOf(metric, labels);
      if (filter.accepts?.(name) ?? true) lines.push(`${name}: ${valueOf(metric, row)}\n`);
    }
  }
  return lines.sort().join("");
}

function nameOf({ definition: { name, plainName } }: Metric, labels: LabelSet): string {
  // The overflow row lacks the labels that a plain name is made of.
  if (plainName && labels.value("tulle_overflow") === "") return plainName(labels).replaceAll("\n", "\\n");
  return labels.text === "" ? name : `${name}{${labels.text}}`;
}

function valueOf({ table, buckets }: Metric, row: number): string {
  const offset = row * table.width;
  if (!buckets) return String(table.values[offset] ?? 0);
  const counts = table.values.subarray(offset, offset + buckets.bounds.length + 1);
  const count = counts.reduce((a, b) => a + b, 0);
  if (count === 0) return "No recorded values";
  const quantiles = QUANTILES.map((q) => `P${q * 100}<=${bound(counts, count * q, buckets.bounds)}`);
  return `${quantiles.join(" ")} count=${count} sum=${table.values[offset + counts.length] ?? 0}`;
}

function bound(counts: Float64Array, rank: number, bounds: Float64Array): number {
  let seen = 0;
  const bucket = counts.findIndex((n) => (seen += n) >= rank);
  return bounds[bucket] ?? Number.POSITIVE_INFINITY;
}

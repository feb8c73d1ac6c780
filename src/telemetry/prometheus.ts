/**
 * Metrics in the Prometheus text format, in chunks.
 *
 * Source: Prometheus text exposition format 0.0.4. Lines of one metric stay together, `le` comes last, counts of
 * buckets are cumulative, numbers print as Go's `ParseFloat` reads them.
 *
 * @module
 */
import type { LabelSet } from "./labels.ts";
import type { Metric, Registry } from "./registry.ts";

/** What to send as `content-type`. */
export const PROMETHEUS_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

const CHUNK_CHARS = 16_384;

/** Yields pieces of about 16 KB, so that a scrape of a large registry neither blocks for long nor needs one large string. */
export function* prometheusText(registry: Registry): Generator<string> {
  let chunk = "";
  for (const metric of registry.metrics()) {
    let header = headerOf(metric);
    for (const [labels, row] of metric.table.series()) {
      chunk += header + (metric.kind === "histogram" ? histogramLines(metric, labels, row) : line(metric, labels, row));
      header = "";
      if (chunk.length < CHUNK_CHARS) continue;
      yield chunk;
      chunk = "";
    }
  }
  if (chunk !== "") yield chunk;
}

function headerOf({ kind, definition: { name, help } }: Metric): string {
  return `# HELP ${name} ${escapeHelp(help)}\n# TYPE ${name} ${kind}\n`;
}

function line({ definition, table }: Metric, labels: LabelSet, row: number): string {
  return `${definition.name}${braced(labels.text)} ${number(table.values[row] ?? 0)}\n`;
}

function histogramLines({ definition: { name }, table, buckets }: Metric, labels: LabelSet, row: number): string {
  const bounds = buckets?.bounds ?? [];
  const offset = row * table.width;
  const before = labels.text === "" ? "" : `${labels.text},`;
  let text = "";
  let count = 0;
  for (let i = 0; i <= bounds.length; i++) {
    count += table.values[offset + i] ?? 0;
    text += `${name}_bucket{${before}le="${number(bounds[i] ?? Number.POSITIVE_INFINITY)}"} ${count}\n`;
  }
  const sum = number(table.values[offset + bounds.length + 1] ?? 0);
  return `${text}${name}_sum${braced(labels.text)} ${sum}\n${name}_count${braced(labels.text)} ${count}\n`;
}

const braced = (labels: string): string => (labels === "" ? "" : `{${labels}}`);

function number(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return "+Inf";
  return value === Number.NEGATIVE_INFINITY ? "-Inf" : String(value);
}

/** In help texts the quote stands for itself. */
function escapeHelp(help: string): string {
  return help.replace(/[\\\n]/g, (c) => (c === "\n" ? "\\n" : "\\\\"));
}

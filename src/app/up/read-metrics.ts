/**
 * Reads metrics in Prometheus' text form, as far as our own proxies and Envoy write it.
 *
 * @module
 */

export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** The samples of the metrics that are wanted. Lines that are none are passed over. */
export function readMetrics(text: string, wanted: ReadonlySet<string>): Sample[] {
  const found: Sample[] = [];
  for (const line of text.split("\n")) {
    const end = line.search(/[{ ]/);
    if (end <= 0 || !wanted.has(line.slice(0, end))) continue;
    const close = line.lastIndexOf("}");
    const labels = line[end] === "{" ? readLabels(line.slice(end + 1, close)) : {};
    found.push({
      name: line.slice(0, end),
      labels,
      value: Number(
        line
          .slice(Math.max(close + 1, end))
          .trim()
          .split(" ")[0],
      ),
    });
  }
  return found;
}

function readLabels(text: string): Record<string, string> {
  const labels: Record<string, string> = {};
  for (const [, name, value] of text.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g))
    if (name !== undefined) labels[name] = (value ?? "").replaceAll(/\\(.)/g, (_, c: string) => (c === "n" ? "\n" : c));
  return labels;
}

/** A quantile of a histogram's cumulated buckets, between bounds by proportion as Prometheus does; 0 when it is empty. */
export function quantile(q: number, buckets: readonly (readonly [bound: number, count: number])[]): number {
  const sorted = buckets.toSorted(([a], [b]) => a - b);
  const total = sorted.at(-1)?.[1] ?? 0;
  if (total <= 0) return 0;
  const rank = q * total;
  let below = 0;
  let belowBound = 0;
  for (const [bound, count] of sorted) {
    if (count >= rank) {
      if (bound === Number.POSITIVE_INFINITY) return belowBound;
      return belowBound + ((bound - belowBound) * (rank - below)) / Math.max(count - below, 1e-9);
    }
    below = count;
    belowBound = bound;
  }
  return belowBound;
}

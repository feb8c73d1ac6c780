/**
 * What a load found, for people and for programs.
 *
 * @module
 */
import type { Histogram } from "../app/load/histogram.ts";
import type { LoadResult } from "../app/load/run-load.ts";
import type { SplitBy } from "../app/load/split.ts";
import type { Tally } from "../app/load/tally.ts";
import type { Paint } from "./paint.ts";
import { table } from "./table.ts";

const SECOND_MS = 1000;

/** One line a second while it runs. */
export function liveLine(tally: Tally, elapsedMs: number, paint: Paint): string {
  const rate = (tally.answered / elapsedMs) * SECOND_MS;
  const parts = [
    `${Math.round(elapsedMs / SECOND_MS)}s`.padStart(4),
    `${Math.round(rate)} rps`.padStart(10),
    `${tally.answered} answers`.padStart(15),
    `p50 ${milliseconds(tally.latency.quantileMs(0.5))}`,
    `p99 ${milliseconds(tally.latency.quantileMs(0.99))}`,
    badness(tally, paint),
    ...[...tally.splits].sort(byName).map(([value, { count }]) => `${value} ${percent(count, tally.answered)}`),
  ];
  return `${parts.join("  ")}\n`;
}

function badness(tally: Tally, paint: Paint): string {
  const bad = tally.failed + tally.serverErrors;
  return bad === 0 ? paint.dim("no errors") : paint.red(`${bad} errors`);
}

export function loadSummary({ tally, elapsedMs }: LoadResult, paint: Paint): string {
  const rate = elapsedMs > 0 ? (tally.answered / elapsedMs) * SECOND_MS : 0;
  const lines = [
    "",
    `${paint.bold("requests")}   ${tally.sent}, of which answered ${tally.answered} in ${(elapsedMs / SECOND_MS).toFixed(2)} s: ${rate.toFixed(rate < 100 ? 1 : 0)} a second`,
    `${paint.bold("statuses")}   ${statuses(tally, paint) || "none"}`,
  ];
  for (const [kind, n] of tally.failures)
    lines.push(`${paint.red(paint.bold("errors"))}     ${kind} ${n}, the first: ${tally.examples.get(kind)}`);
  if (tally.answered > 0) lines.push(`${paint.bold("latency")}    ${latencyLine(tally.latency)}`);
  if (tally.splits.size > 0) lines.push("", ...splitTable(tally, paint));
  return `${lines.join("\n")}\n`;
}

const statuses = (tally: Tally, paint: Paint): string =>
  [...tally.statuses]
    .sort(([a], [b]) => a - b)
    .map(([status, n]) => (status >= 500 ? paint.red(`${status}: ${n}`) : `${status}: ${n}`))
    .join(", ");

const latencyLine = (h: Histogram): string =>
  `p50 ${milliseconds(h.quantileMs(0.5))}  p90 ${milliseconds(h.quantileMs(0.9))}  p99 ${milliseconds(h.quantileMs(0.99))}  p99.9 ${milliseconds(h.quantileMs(0.999))}  max ${milliseconds(h.maxMs)}  mean ${milliseconds(h.meanMs)}`;

function splitTable(tally: Tally, paint: Paint): readonly string[] {
  const rows = [...tally.splits]
    .sort(byName)
    .map(([value, { count, latency }]) => [
      value,
      String(count),
      percent(count, tally.answered),
      milliseconds(latency.quantileMs(0.5)),
      milliseconds(latency.quantileMs(0.99)),
    ]);
  return table(["VALUE", "ANSWERS", "SHARE", "P50", "P99"], rows, paint);
}

const byName = ([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number => (a < b ? -1 : 1);

const percent = (part: number, whole: number): string => `${whole === 0 ? 0 : ((part / whole) * 100).toFixed(1)}%`;

const milliseconds = (ms: number): string => `${ms < 10 ? ms.toFixed(2) : ms < 100 ? ms.toFixed(1) : ms.toFixed(0)} ms`;

/** For `-o json`. Latencies in milliseconds. */
export function summaryData({ tally, elapsedMs }: LoadResult, splitBy: SplitBy | undefined): object {
  return {
    requests: tally.sent,
    answered: tally.answered,
    elapsedMs: round(elapsedMs),
    answersPerSecond: elapsedMs > 0 ? round((tally.answered / elapsedMs) * SECOND_MS) : 0,
    bytesReceived: tally.bytes,
    statuses: Object.fromEntries([...tally.statuses].sort(([a], [b]) => a - b)),
    errors: Object.fromEntries(
      [...tally.failures].map(([kind, n]) => [kind, { count: n, first: tally.examples.get(kind) }]),
    ),
    latencyMs: latencyData(tally.latency),
    ...(splitBy === undefined ? {} : { split: splitData(tally, splitBy) }),
  };
}

function splitData(tally: Tally, splitBy: SplitBy): object {
  return {
    by: splitBy.t === "header" ? `header:${splitBy.name}` : `json:.${splitBy.path.join(".")}`,
    values: Object.fromEntries(
      [...tally.splits]
        .sort(byName)
        .map(([value, { count, latency }]) => [
          value,
          { count, share: tally.answered === 0 ? 0 : count / tally.answered, latencyMs: latencyData(latency) },
        ]),
    ),
  };
}

const latencyData = (h: Histogram): object => ({
  p50: round(h.quantileMs(0.5)),
  p90: round(h.quantileMs(0.9)),
  p99: round(h.quantileMs(0.99)),
  "p99.9": round(h.quantileMs(0.999)),
  min: round(h.minMs),
  max: round(h.maxMs),
  mean: round(h.meanMs),
});

const round = (n: number): number => Math.round(n * 1000) / 1000;

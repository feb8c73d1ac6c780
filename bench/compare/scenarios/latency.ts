/**
 * Added latency at 1000 requests a second: what a response takes longer than from the backend without a proxy.
 *
 * @module
 */
import type { RunOptions } from "../cpu-scenario.ts";
import { latencyAtRate } from "../loads.ts";
import type { Setup } from "../setup.ts";
import { startSubjects, stopSubjects } from "../subjects.ts";
import { median, table } from "../table.ts";
import type { Hops } from "../topology.ts";

interface Row {
  readonly name: string;
  readonly port: number;
  readonly p50Ms: number[];
  readonly p99Ms: number[];
}

export async function runLatency(hops: Hops, setup: Setup, options: RunOptions): Promise<void> {
  const subjects = await startSubjects(setup, { protocol: "http1", hops }, options.peers);
  try {
    const direct = { name: "direct", port: setup.backends.http1 };
    const rows: Row[] = [direct, ...subjects].map(({ name, port }) => ({ name, port, p50Ms: [], p99Ms: [] }));
    for (let round = 0; round <= options.rounds; round++)
      for (let k = 0; k < rows.length; k++) await measure(rows[(k + round) % rows.length] as Row, round > 0);
    if (options.json) console.log(JSON.stringify({ scenario: `latency, ${hops}`, rows }));
    else report(hops, rows);
  } finally {
    await stopSubjects(subjects);
  }
}

async function measure(row: Row, counts: boolean): Promise<void> {
  const { p50, p99 } = await latencyAtRate(row.port);
  if (!counts) return;
  row.p50Ms.push(p50);
  row.p99Ms.push(p99);
}

function report(hops: Hops, rows: readonly Row[]): void {
  const [direct, ...proxied] = rows as [Row, ...Row[]];
  const added = (of: readonly number[], base: readonly number[]): number => median(of) - median(base);
  const cells = proxied.map((row) => ({
    name: row.name,
    p50: added(row.p50Ms, direct.p50Ms),
    p99: added(row.p99Ms, direct.p99Ms),
  }));
  const envoy = cells.find(({ name }) => name === "Envoy");
  console.log(`\nadded latency at 1000 requests/s, ${hops === "one" ? "one hop" : "mTLS double hop"}, open loop`);
  console.log(`direct: p50 ${median(direct.p50Ms).toFixed(2)} ms, p99 ${median(direct.p99Ms).toFixed(2)} ms`);
  const rowsOut = cells.map((c) => [
    c.name,
    c.p50.toFixed(2),
    c.p99.toFixed(2),
    envoy === undefined ? "-" : (c.p50 / envoy.p50).toFixed(2),
    envoy === undefined ? "-" : (c.p99 / envoy.p99).toFixed(2),
  ]);
  console.log(table(["proxy", "added p50 ms", "added p99 ms", "p50 × Envoy", "p99 × Envoy"], rowsOut));
  if (hops === "double") console.log("bars: p50 ≤ 0.5 × Envoy, p99 ≤ 1 × Envoy");
}

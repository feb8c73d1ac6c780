/**
 * Memory while 256 MB go to a reader that is slow: a client behind a download, a backend behind an upload.
 *
 * @module
 */
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { RunOptions } from "../cpu-scenario.ts";
import { type Background, listening, rssMb, start, startLoad } from "../process.ts";
import type { Setup } from "../setup.ts";
import { startSubjects, stopSubjects } from "../subjects.ts";
import { table } from "../table.ts";
import type { Hops, Subject } from "../topology.ts";

const BYTES = 256_000_000;
/** So that what the first transfers make once is in the base: code that is read in, buffers that are kept. */
const WARM_UP_BYTES = 4_000_000;
const WARM_UPS = 3;
const SAMPLE_MS = 50;
const LIMIT_MS = 60_000;

export async function runSlowReader(hops: Hops, setup: Setup, options: RunOptions): Promise<void> {
  const port = setup.backends.slow;
  const server = join(import.meta.dir, "..", "slow-server.ts");
  const command = [process.execPath, server, String(port)];
  const backend = start("slow backend", command, setup.folder, join(setup.folder, "slow.log"), 1);
  await listening(port, "the slow backend");
  const behind = { ...setup, backends: { ...setup.backends, http1: port } };
  const subjects = await startSubjects(behind, { protocol: "http1", hops }, options.peers);
  try {
    const rows: string[][] = [];
    for (const subject of subjects) rows.push(await measure(subject));
    console.log(`\n256 MB to a slow reader, ${hops === "one" ? "one hop" : "mTLS double hop, both proxies"}`);
    console.log(table(["proxy", "RSS MB before", "download: peak over it", "upload: peak over it"], rows));
    console.log("bar: ≤ 8 MB over the base for each proxy");
  } finally {
    await stopSubjects([...subjects, { name: "backend", port, programs: [backend] }]);
  }
}

async function measure(subject: Subject): Promise<string[]> {
  for (let i = 0; i < WARM_UPS; i++)
    for (const direction of DIRECTIONS) await peakDuring(subject, transfer(subject, direction, WARM_UP_BYTES));
  const base = rssMb(subject.programs);
  const peaks: number[] = [];
  for (const direction of DIRECTIONS) peaks.push(await peakDuring(subject, transfer(subject, direction, BYTES)));
  return [subject.name, base.toFixed(0), ...peaks.map((peak) => (peak - base).toFixed(1))];
}

const DIRECTIONS = ["download", "upload"] as const;

function transfer(subject: Subject, direction: (typeof DIRECTIONS)[number], bytes: number): Background {
  const client = join(import.meta.dir, "..", "slow-client.ts");
  return startLoad("slow-client", [process.execPath, client, String(subject.port), String(bytes), direction]);
}

async function peakDuring(subject: Subject, client: Background): Promise<number> {
  let peak = 0;
  for (let waitedMs = 0; client.exitCode === null; waitedMs += SAMPLE_MS) {
    if (waitedMs > LIMIT_MS) throw new Error(`${subject.name}: 256 MB did not get through in ${LIMIT_MS} ms`);
    peak = Math.max(peak, rssMb(subject.programs));
    await sleep(SAMPLE_MS);
  }
  if (client.exitCode !== 0) throw new Error(`${subject.name}: the client ended with ${client.exitCode}`);
  return peak;
}

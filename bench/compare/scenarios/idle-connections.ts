/**
 * Memory of an idle connection: of 1000, and of each from there to 9000 (a process may have 20,000 descriptors here, and the
 * load has as many open as the proxy).
 *
 * @module
 */
import type { RunOptions } from "../cpu-scenario.ts";
import { rssMb, startLoad } from "../process.ts";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Setup } from "../setup.ts";
import { startSubjects, stopSubjects } from "../subjects.ts";
import { table } from "../table.ts";
import type { Subject } from "../topology.ts";

const COUNTS = [1000, 9000] as const;
/** Collectors of garbage run a while after the work. */
const SETTLE_MS = 10_000;

export async function runIdleConnections(tls: boolean, setup: Setup, options: RunOptions): Promise<void> {
  const subjects = await startSubjects(setup, { protocol: "http1", hops: tls ? "inbound" : "one" }, options.peers);
  try {
    const rows: string[][] = [];
    for (const subject of subjects) rows.push(await measure(subject, tls, setup));
    console.log(`\nidle ${tls ? "mTLS" : "plain"} connections, each after one request`);
    console.log(table(["proxy", "RSS MB, none", "1000", "9000", "kB each of 1000", "kB each from 1000 to 9000"], rows));
    if (tls) console.log("bar: ≤ 16 kB each");
  } finally {
    await stopSubjects(subjects);
  }
}

async function measure(subject: Subject, tls: boolean, setup: Setup): Promise<string[]> {
  // What the first connections make once is not theirs.
  await (await openIdle(subject.port, 20, tls, setup)).close();
  await sleep(SETTLE_MS);
  const base = rssMb(subject.programs);
  const found: number[] = [];
  for (const count of COUNTS) {
    const idle = await openIdle(subject.port, count, tls, setup);
    await sleep(SETTLE_MS);
    found.push(rssMb(subject.programs));
    await idle.close();
    await sleep(SETTLE_MS);
  }
  const [few, many] = found as [number, number];
  const each = [(few - base) / COUNTS[0], (many - few) / (COUNTS[1] - COUNTS[0])].map((mb) => (mb * 1024).toFixed(1));
  return [subject.name, ...[base, few, many].map((mb) => mb.toFixed(0)), ...each];
}

/** Connections that are held open by a program of their own. */
async function openIdle(port: number, count: number, tls: boolean, setup: Setup): Promise<{ close(): Promise<void> }> {
  const client = join(import.meta.dir, "..", "idle-client.ts");
  const command = [
    process.execPath,
    client,
    String(port),
    String(count),
    ...(tls ? [setup.cert, setup.key, setup.ca] : []),
  ];
  const program = startLoad("idle-client", command);
  await program.ready;
  return { close: () => program.stop() };
}

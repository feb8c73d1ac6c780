/**
 * `bun bench/soak.ts [--minutes N] [--sample-seconds S]`: the mesh of `examples/protocols` under mixed load with churn, and whether its
 * proxies grow. Prints memory and descriptors of each proxy, what they grow by an hour after the warm-up (the first third), and
 * what did not end as it must.
 */
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { MeshRun } from "../tests/e2e/support/mesh-run.ts";
import { table } from "./compare/table.ts";
import { lanesOf, runLanes, type Tally } from "./soak/lanes.ts";
import { proxiesBelow, type Sample, sample, slopePerHour, type Watched } from "./soak/samples.ts";

const { values } = parseArgs({
  options: { minutes: { type: "string", default: "60" }, "sample-seconds": { type: "string", default: "5" } },
});

const WARM_UP_SHARE = 1 / 3;

async function main(): Promise<void> {
  const mesh = await MeshRun.start({ folder: join(import.meta.dir, "..", "examples", "protocols") });
  try {
    const watched = [{ name: "control plane", pid: mesh.file.pid }, ...proxiesBelow(mesh.file.pid)];
    const stop = new AbortController();
    const lanes = runLanes(lanesOf(mesh), stop.signal);
    const samples = await watch(watched, Number(values.minutes) * 60_000, Number(values["sample-seconds"]) * 1000);
    stop.abort();
    report(samples, await lanes);
  } finally {
    await mesh.stop();
  }
}

async function watch(watched: readonly Watched[], forMs: number, everyMs: number): Promise<Map<string, Sample[]>> {
  const samples = new Map<string, Sample[]>(watched.map(({ name }) => [name, []]));
  const startMs = performance.now();
  for (let atMs = 0; atMs < forMs; atMs = performance.now() - startMs) {
    for (const one of watched) samples.get(one.name)?.push(sample(one, atMs));
    await sleep(everyMs);
  }
  return samples;
}

function report(samples: ReadonlyMap<string, readonly Sample[]>, tallies: ReadonlyMap<string, Tally>): void {
  const rows = [...samples].map(([name, all]) => {
    const warm = all.slice(Math.floor(all.length * WARM_UP_SHARE));
    const memory = slopePerHour(warm, (s) => s.rssMb);
    const descriptors = slopePerHour(warm, (s) => s.descriptors);
    const [first, last] = [warm[0], warm.at(-1)] as [Sample, Sample];
    const figures = [first.rssMb, last.rssMb, memory, first.descriptors, last.descriptors, descriptors];
    return [name, ...figures.map((figure) => figure.toFixed(1))];
  });
  console.log(`after ${values.minutes} minutes, of which the first third is warm-up:`);
  console.log(
    table(["process", "RSS MB warm", "at the end", "MB an hour", "fds warm", "at the end", "fds an hour"], rows),
  );
  console.log(
    table(
      ["load", "done", "errors"],
      [...tallies].map(([name, t]) => [name, String(t.done), String(t.errorCount)]),
    ),
  );
  for (const [name, { errors }] of tallies) for (const error of errors) console.log(`${name}: ${error}`);
}

await main();

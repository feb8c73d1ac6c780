/**
 * Memory and descriptors of processes over time, and what they grow by.
 *
 * @module
 */
import { readdirSync, readFileSync } from "node:fs";
import { basename, dirname } from "node:path";

/** A process that is watched. */
export interface Watched {
  readonly name: string;
  readonly pid: number;
}

export interface Sample {
  readonly atMs: number;
  readonly rssMb: number;
  readonly descriptors: number;
}

export function sample({ pid, name }: Watched, atMs: number): Sample {
  try {
    const kb = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
    return { atMs, rssMb: Number(kb) / 1024, descriptors: readdirSync(`/proc/${pid}/fd`).length };
  } catch (cause) {
    throw new Error(`${name} (process ${pid}) has ended`, { cause });
  }
}

/** Growth an hour by least squares. */
export function slopePerHour(samples: readonly Sample[], of: (sample: Sample) => number): number {
  const n = samples.length;
  const meanX = samples.reduce((sum, s) => sum + s.atMs, 0) / n;
  const meanY = samples.reduce((sum, s) => sum + of(s), 0) / n;
  const covariance = samples.reduce((sum, s) => sum + (s.atMs - meanX) * (of(s) - meanY), 0);
  const variance = samples.reduce((sum, s) => sum + (s.atMs - meanX) ** 2, 0);
  return variance === 0 ? 0 : (covariance / variance) * 3_600_000;
}

/** Proxies below a process, named by the folders of their bootstraps. */
export function proxiesBelow(pid: number): Watched[] {
  const found: Watched[] = [];
  for (const task of readdirSync(`/proc/${pid}/task`))
    for (const child of readFileSync(`/proc/${pid}/task/${task}/children`, "utf8").split(" ").filter(Boolean)) {
      const command = readFileSync(`/proc/${child}/cmdline`, "utf8").split("\0");
      const file = command[command.indexOf("-c") + 1];
      if (command.some((part) => /proxy(-main\.(js|ts))?$/.test(part)) && file !== undefined)
        found.push({ name: basename(dirname(file)), pid: Number(child) });
      found.push(...proxiesBelow(Number(child)));
    }
  return found;
}

/**
 * How much memory this process has, and how much it may have: by its cgroup (version 2, else 1), else by the machine.
 *
 * What the page cache holds and would give back is not counted, since files that are written would look like pressure.
 *
 * @module
 */
import { openSync, readFileSync, readSync } from "node:fs";
import type { MemorySource } from "../../proxy/overload.ts";
import { trimMemory } from "./trim-memory.ts";

interface Files {
  readonly limit: string;
  readonly used: string;
  readonly stat: string;
}

/** Reads a file; undefined where it cannot be read. */
export type ReadText = (path: string) => string | undefined;

export const readText: ReadText = (path) => {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
};

export function memorySource(read: ReadText = readText): MemorySource {
  const files = filesOf(read);
  const cgroup = (): ReturnType<MemorySource["cgroup"]> => {
    const limitBytes = files === undefined ? undefined : numberIn(read(files.limit));
    if (files === undefined || limitBytes === undefined) return undefined;
    const cacheBytes = numberIn(/^(?:total_)?inactive_file (\d+)$/m.exec(read(files.stat) ?? "")?.[1]) ?? 0;
    return { usedBytes: Math.max(0, (numberIn(read(files.used)) ?? 0) - cacheBytes), limitBytes };
  };
  return { residentBytes: residentBytes(), cgroup, shrink: trimMemory };
}

/**
 * Resident memory, read from one open file into one buffer: `process.memoryUsage` brings 5 MB of the runtime's code back into
 * memory, which every sidecar would pay for.
 */
function residentBytes(): () => number {
  let file: number;
  try {
    file = openSync("/proc/self/statm", "r");
  } catch {
    return () => process.memoryUsage.rss();
  }
  const bytes = new Uint8Array(128);
  return () => pagesIn(bytes, readSync(file, bytes, 0, bytes.length, 0)) * PAGE_BYTES;
}

/** The second number: resident pages (proc_pid_statm(5)). */
function pagesIn(bytes: Uint8Array, length: number): number {
  let at = bytes.indexOf(SPACE) + 1;
  let pages = 0;
  for (; at < length && bytes[at] !== SPACE; at++) pages = pages * 10 + (bytes[at] as number) - ZERO;
  return pages;
}

const SPACE = 0x20;
const ZERO = 0x30;
/** Of the machines that Bun runs on; kernels of 64 bits on Arm may have larger ones, and then count too little. */
const PAGE_BYTES = 4096;

/** All the memory that the process may have. */
export function memoryLimit(source: MemorySource, read: ReadText = readText): number {
  const machineBytes = (numberIn(/^MemTotal:\s+(\d+)/m.exec(read("/proc/meminfo") ?? "")?.[1]) ?? 0) * 1024;
  const limitBytes = source.cgroup()?.limitBytes ?? Number.POSITIVE_INFINITY;
  return Math.min(limitBytes, machineBytes > 0 ? machineBytes : Number.POSITIVE_INFINITY);
}

function filesOf(read: ReadText): Files | undefined {
  const own = read("/proc/self/cgroup") ?? "";
  const second = /^0::(\/.*)$/m.exec(own)?.[1];
  const first = /^\d+:(?:[^:]*,)?memory(?:,[^:]*)?:(\/.*)$/m.exec(own)?.[1];
  // In a container the own path may be that of the host, and the files stand at the root.
  const folders = [
    ...(second === undefined ? [] : [`/sys/fs/cgroup${second}`, "/sys/fs/cgroup"]),
    ...(first === undefined ? [] : [`/sys/fs/cgroup/memory${first}`, "/sys/fs/cgroup/memory"]),
  ];
  for (const folder of folders) {
    const v2 = { limit: `${folder}/memory.max`, used: `${folder}/memory.current`, stat: `${folder}/memory.stat` };
    const v1 = {
      limit: `${folder}/memory.limit_in_bytes`,
      used: `${folder}/memory.usage_in_bytes`,
      stat: `${folder}/memory.stat`,
    };
    for (const files of [v2, v1]) if (numberIn(read(files.limit)) !== undefined) return files;
  }
  return undefined;
}

/** Version 1 says "no limit" with a number of about 2^63, version 2 with the word `max`. */
const NO_LIMIT = 2 ** 60;

function numberIn(text: string | undefined): number | undefined {
  const number = text === undefined ? Number.NaN : Number.parseInt(text, 10);
  return Number.isFinite(number) && number < NO_LIMIT ? number : undefined;
}

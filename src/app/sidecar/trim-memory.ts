/**
 * Gives back what only the start needed: garbage, and the pages of the runtime's program code that were read in to start it. The
 * kernel reads a page of code again when it is called, so nothing is lost but a few microseconds for what turns out to be needed.
 * A sidecar is multiplied by every workload; see docs/adr/0006-memory-of-the-sidecar.md for what it measures.
 *
 * @module
 */
import { dlopen } from "bun:ffi";
import { readFileSync } from "node:fs";

/** `MADV_DONTNEED` of Linux: on a private mapping of a file that was never written to, the next use reads the file again. */
const MADV_DONTNEED = 4;

/** Does nothing where the machine is not Linux, or says no. */
export function trimMemory(): void {
  Bun.gc(true);
  if (process.platform !== "linux") return;
  try {
    const libc = dlopen("libc.so.6", { madvise: { args: ["ptr", "u64", "i32"], returns: "i32" } });
    for (const { start, length } of codeOf(process.execPath))
      libc.symbols.madvise(start as never, length, MADV_DONTNEED);
    libc.close();
  } catch {
    // Another C library: the memory stays.
  }
}

/** Mappings of a program's code: readable, executable, not writable. Those with relocations are not among them. */
function codeOf(path: string): { start: number; length: number }[] {
  const found: { start: number; length: number }[] = [];
  for (const line of readFileSync("/proc/self/maps", "utf8").split("\n")) {
    const [, from, to, file] = /^([0-9a-f]+)-([0-9a-f]+) r-xp \S+ \S+ \d+\s+(\/.*)$/.exec(line) ?? [];
    if (from === undefined || to === undefined || file !== path) continue;
    const start = Number.parseInt(from, 16);
    found.push({ start, length: Number.parseInt(to, 16) - start });
  }
  return found;
}

/**
 * Which process a number means: numbers are given out again, so beside it stands when the process began.
 *
 * @module
 */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";

/** A text that no other process has had; undefined: there is none with this number, or it has ended. */
export function processIdentity(pid: number): string | undefined {
  const stat = read(`/proc/${pid}/stat`);
  if (stat !== undefined) return identityIn(stat, read("/proc/sys/kernel/random/boot_id") ?? "");
  if (process.platform === "linux") return undefined;
  const { status, stdout } = spawnSync("ps", ["-o", "lstart=", "-p", String(pid)], { encoding: "utf8" });
  return status === 0 && stdout.trim() !== "" ? stdout.trim() : undefined;
}

/** Source: proc(5): behind the name in brackets the third field is the state, the 22nd when it began, in ticks since the boot. */
export function identityIn(stat: string, bootId: string): string | undefined {
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [state] = fields;
  return state === "Z" || state === "X" ? undefined : `${bootId.trim()} ${fields[19]}`;
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, "latin1");
  } catch {
    return undefined;
  }
}

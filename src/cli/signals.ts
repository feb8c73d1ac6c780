/**
 * Signals that whoever has started us wants ignored, as `nohup` does: a handler of ours would undo it.
 *
 * @module
 */
import { readFileSync } from "node:fs";

export const SIGHUP = 1;

/** Whether a signal is ignored, by `SigIgn` of proc(5); false where there is no /proc. Ask before a handler is set. */
export function isIgnored(signal: number, status: () => string = ownStatus): boolean {
  const mask = /^SigIgn:\s*([0-9a-f]+)$/m.exec(status())?.[1];
  return mask !== undefined && ((BigInt(`0x${mask}`) >> BigInt(signal - 1)) & 1n) === 1n;
}

function ownStatus(): string {
  try {
    return readFileSync("/proc/self/status", "latin1");
  } catch {
    return "";
  }
}

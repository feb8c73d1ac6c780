/**
 * System calls a request, counted by strace over a fixed number of requests: free of noise, and it explains the CPU.
 *
 * @module
 */
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { family } from "./process.ts";
import type { Subject } from "./topology.ts";

const run = promisify(execFile);
const REQUESTS = 5000;

/** Undefined where strace is not there or may not attach. */
export async function syscallsPerRequest(subject: Subject): Promise<number | undefined> {
  const pids = subject.programs.flatMap(({ pid }) => family(pid));
  const strace = spawn("strace", ["-c", "-f", "-U", "calls,name", ...pids.flatMap((pid) => ["-p", String(pid)])], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  let text = "";
  strace.stderr.on("data", (chunk: Buffer) => void (text += chunk.toString()));
  const failed = await Promise.race([once(strace, "error").then(() => true), sleep(1500).then(() => false)]);
  if (failed) return undefined;
  const url = `http://127.0.0.1:${subject.port}/`;
  await run("taskset", ["-c", "1", "h2load", "--h1", "-n", String(REQUESTS), "-c", "32", url]);
  strace.kill("SIGINT");
  await once(strace, "close");
  const total = /^\s*(\d+)\s+total$/m.exec(text)?.[1];
  return total === undefined ? undefined : Number(total) / REQUESTS;
}

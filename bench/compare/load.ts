/**
 * Load: wrk at saturation for CPU a request, `tulle load` at a fixed rate for latency.
 *
 * @module
 */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** As many requests as 32 connections get through in `seconds`. */
export async function saturate(port: number, seconds: number): Promise<{ requests: number; errors: number }> {
  const url = `http://127.0.0.1:${port}/`;
  const { stdout } = await run("taskset", ["-c", "1", "wrk", "-t1", "-c32", `-d${seconds}`, url]);
  const requests = Number(/(\d+) requests in/.exec(stdout)?.[1] ?? 0);
  if (requests === 0) throw new Error(`no request was answered on port ${port}:\n${stdout}`);
  const refused = Number(/Non-2xx or 3xx responses: (\d+)/.exec(stdout)?.[1] ?? 0);
  const broken =
    /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(stdout)?.slice(1).map(Number) ?? [];
  return { requests, errors: refused + broken.reduce((sum, n) => sum + n, 0) };
}

/** Response times at 1000 requests a second over 16 connections, open loop: from when each was due. Milliseconds. */
export async function latencyAtRate(port: number): Promise<{ p50: number; p99: number }> {
  const main = join(import.meta.dir, "..", "..", "src", "cli", "main.ts");
  const load = [
    "load",
    `http://127.0.0.1:${port}/`,
    "--rps",
    "1000",
    "--connections",
    "16",
    "--duration",
    "2s",
    "-o",
    "json",
  ];
  const { stdout } = await run("taskset", ["-c", "1", process.execPath, main, ...load]);
  const { latencyMs } = JSON.parse(stdout) as { latencyMs: { p50: number; p99: number } };
  return latencyMs;
}

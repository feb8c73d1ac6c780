/**
 * Load: wrk at saturation for CPU a request, h2load at a fixed rate for latency.
 *
 * @module
 */
import { execFile } from "node:child_process";
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

/** Median response time in milliseconds at 1000 requests a second over 16 connections. */
export async function latencyAtRate(port: number): Promise<number> {
  const { stdout } = await run("taskset", [
    "-c",
    "1",
    "h2load",
    "--h1",
    "-n",
    "2000",
    "-c",
    "16",
    "--rps",
    "62.5",
    "--log-file=/dev/stdout",
    `http://127.0.0.1:${port}/`,
  ]);
  const timesUs = [...stdout.matchAll(/^\d+\t\d+\t(\d+)$/gm)].map((m) => Number(m[1])).sort((a, b) => a - b);
  const middle = timesUs[Math.floor(timesUs.length / 2)];
  if (middle === undefined) throw new Error(`h2load reported no times on port ${port}:\n${stdout.slice(-500)}`);
  return middle / 1000;
}

/**
 * Load from processor 1: as much as goes through in a time, or so many units.
 *
 * @module
 */
import { execFile } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { BIG_BYTES, grpcMessage } from "./backends.ts";
import type { Setup } from "./setup.ts";

const exec = promisify(execFile);

/** What went through: requests, megabytes, connections. */
export interface Done {
  readonly units: number;
  readonly errors: number;
}

export type Load = (setup: Setup, port: number, seconds: number) => Promise<Done>;

/** Runs a program on the processor of the load; its output. */
export async function onLoadCpu(command: readonly string[]): Promise<string> {
  const { stdout } = await exec("taskset", ["-c", "1", ...command]);
  return stdout;
}

/** `GET /` over 32 kept connections. */
export const requests: Load = (_, port, seconds) => wrk(port, "/", 32, seconds, []);

/** The same with a header that routes of {@link Topology.routes} look at. */
export const tenantRequests: Load = (_, port, seconds) => wrk(port, "/", 32, seconds, ["-H", "tenant: somebody"]);

/** `GET /big` over 8 kept connections; a unit is a megabyte. */
export const downloads: Load = (_, port, seconds) => wrk(port, "/big", 8, seconds, []);

/** `POST /` of a megabyte over 8 kept connections; a unit is a megabyte. */
export const uploads: Load = (setup, port, seconds) => {
  const script = join(setup.folder, "upload.lua");
  writeFileSync(script, `wrk.method = "POST"\nwrk.body = string.rep("0123456789abcdef", ${BIG_BYTES / 16})\n`);
  return wrk(port, "/", 8, seconds, ["-s", script]);
};

async function wrk(port: number, path: string, connections: number, seconds: number, more: string[]): Promise<Done> {
  const url = `http://127.0.0.1:${port}${path}`;
  const stdout = await onLoadCpu(["wrk", "-t1", `-c${connections}`, `-d${seconds}`, ...more, url]);
  const units = Number(/(\d+) requests in/.exec(stdout)?.[1] ?? 0);
  const refused = Number(/Non-2xx or 3xx responses: (\d+)/.exec(stdout)?.[1] ?? 0);
  const broken = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(stdout)?.slice(1) ?? [];
  return { units, errors: broken.reduce((sum, n) => sum + Number(n), refused) };
}

/** Unary calls as gRPC makes them, 16 at a time on each of 8 connections. */
export const unaryCalls: Load = async (setup, port, seconds) => {
  const body = join(setup.folder, "call.bin");
  writeFileSync(body, grpcMessage(100));
  const headers = ["-H", "content-type: application/grpc", "-H", "te: trailers"];
  const calls = 6000 * seconds;
  const command = ["h2load", "-n", String(calls), "-c", "8", "-m", "16", "-d", body, ...headers];
  const stdout = await onLoadCpu([...command, `http://127.0.0.1:${port}/`]);
  const units = Number(/status codes: (\d+) 2xx/.exec(stdout)?.[1] ?? 0);
  return { units, errors: calls - units };
};

/** Connections with mutual TLS and one request each; resumed sessions where `resume`. */
export const handshakes =
  (resume: boolean): Load =>
  async (setup, port, seconds) => {
    const client = join(import.meta.dir, "handshake-client.ts");
    const files = [setup.cert, setup.key, setup.ca];
    const stdout = await onLoadCpu([process.execPath, client, String(port), String(seconds), ...files, String(resume)]);
    return JSON.parse(stdout) as Done;
  };

/** 1000 requests a second over 16 kept connections, whenever the answers come: how a mesh is used most of the time. */
export const steadyRequests: Load = async (_, port, seconds) => {
  const { requests: units, answered } = await atRate(port, seconds);
  return { units, errors: units - answered };
};

/** Response times at 1000 requests a second over 16 connections, open loop: from when each was due. Milliseconds. */
export async function latencyAtRate(port: number): Promise<{ p50: number; p99: number }> {
  return (await atRate(port, 3)).latencyMs;
}

interface RateResult {
  readonly requests: number;
  readonly answered: number;
  readonly latencyMs: { readonly p50: number; readonly p99: number };
}

async function atRate(port: number, seconds: number): Promise<RateResult> {
  const main = join(import.meta.dir, "..", "..", "src", "cli", "main.ts");
  const options = ["--rps", "1000", "--connections", "16", "--duration", `${seconds}s`, "-o", "json"];
  const stdout = await onLoadCpu([process.execPath, main, "load", `http://127.0.0.1:${port}/`, ...options]);
  return JSON.parse(stdout) as RateResult;
}

/**
 * Programs under measurement: started pinned to a core, watched through /proc, ended by their id.
 *
 * @module
 */
import { type ChildProcess, spawn } from "node:child_process";
import { createConnection } from "node:net";
import { openSync, readdirSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

const started: ChildProcess[] = [];

/** A program with its children. */
export interface Program {
  readonly name: string;
  readonly pid: number;
}

/** Starts `command` on processor `cpu`; its output goes to `log`. */
export function start(name: string, command: readonly string[], cwd: string, log: string, cpu = 0): Program {
  const out = openSync(log, "w");
  const child = spawn("taskset", ["-c", String(cpu), ...command], { cwd, stdio: ["ignore", out, out], detached: true });
  started.push(child);
  if (child.pid === undefined) throw new Error(`${name}: could not start ${command[0]}`);
  return { name, pid: child.pid };
}

/** A program of the load, on processor 1. */
export interface Background {
  /** Resolves with its first line of output. */
  readonly ready: Promise<void>;
  /** Null while it runs. */
  readonly exitCode: number | null;
  stop(): Promise<void>;
}

/** Starts a program of the load; its errors come out here. */
export function startLoad(name: string, command: readonly string[]): Background {
  const child = spawn("taskset", ["-c", "1", ...command], { stdio: ["ignore", "pipe", "inherit"], detached: true });
  started.push(child);
  const closed = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const ready = new Promise<void>((resolve, reject) => {
    child.stdout.once("data", () => resolve());
    child.once("exit", (code) => reject(new Error(`${name} ended with ${code} before it was ready`)));
  });
  // Who does not wait for it learns from the exit code.
  ready.catch(() => {});
  return {
    ready,
    get exitCode() {
      return child.exitCode;
    },
    stop: () => {
      kill(child, "SIGTERM");
      return closed;
    },
  };
}

/** Ends programs. */
export async function stop(programs: readonly Program[]): Promise<void> {
  const pids = new Set(programs.map(({ pid }) => pid));
  await end(started.filter(({ pid }) => pid !== undefined && pids.has(pid)));
}

/** Ends everything that was started here. */
export const stopAll = (): Promise<void> => end(started.splice(0));

async function end(children: readonly ChildProcess[]): Promise<void> {
  for (const signal of ["SIGTERM", "SIGKILL"] as const) {
    for (const child of children) kill(child, signal);
    await sleep(300);
  }
}

function kill(child: ChildProcess, signal: NodeJS.Signals): void {
  try {
    if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, signal);
  } catch {
    // It has ended by itself.
  }
}

/** Resolves when something listens on the port. */
export async function listening(port: number, what: string, limitMs = 15_000): Promise<void> {
  for (let waitedMs = 0; waitedMs < limitMs; waitedMs += 50) {
    if (await canConnect(port)) return;
    await sleep(50);
  }
  throw new Error(`${what} does not listen on 127.0.0.1:${port} after ${limitMs} ms`);
}

function canConnect(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ host: "127.0.0.1", port }, () => {
      socket.destroy();
      resolve(true);
    });
    socket.on("error", () => resolve(false));
  });
}

/** The process and all its descendants. */
export function family(pid: number): number[] {
  const found = [pid];
  try {
    for (const task of readdirSync(`/proc/${pid}/task`))
      for (const child of readFileSync(`/proc/${pid}/task/${task}/children`, "utf8").split(" ").filter(Boolean))
        found.push(...family(Number(child)));
  } catch {
    // It has ended.
  }
  return found;
}

/** What each thread had used when it was last looked at: threads end, and what they did stays done. */
const threadNs = new Map<string, number>();

/** CPU that the programs have used so far, all threads, in microseconds. Steal is not in it. */
export function cpuUs(programs: readonly Program[]): number {
  const prefixes: string[] = [];
  for (const { pid } of programs)
    for (const member of family(pid)) {
      prefixes.push(`${member}/`);
      for (const task of readdirSync(`/proc/${member}/task`)) threadNs.set(`${member}/${task}`, runNs(member, task));
    }
  let ns = 0;
  for (const [thread, used] of threadNs) if (prefixes.some((prefix) => thread.startsWith(prefix))) ns += used;
  return ns / 1000;
}

/** A thread that ended since it was listed keeps what it had. */
function runNs(pid: number, task: string): number {
  try {
    return Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, "utf8").split(" ")[0]);
  } catch {
    return threadNs.get(`${pid}/${task}`) ?? 0;
  }
}

/** Resident memory of the programs now, in megabytes. */
export function rssMb(programs: readonly Program[]): number {
  let kb = 0;
  for (const { pid } of programs)
    for (const member of family(pid)) {
      const line = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${member}/status`, "utf8"));
      kb += Number(line?.[1] ?? 0);
    }
  return kb / 1024;
}

/**
 * A process of Tulle that a test starts, watches and always ends.
 *
 * @module
 */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { eventually } from "./eventually.ts";

export const TULLE: readonly string[] = [process.execPath, join(import.meta.dir, "../../../src/cli/main.ts")];

export class RunningProcess {
  readonly #child: Bun.Subprocess<"ignore", "pipe", "pipe">;
  #output = "";
  readonly #read: Promise<unknown>;

  /** @param args Of `tulle`, such as `["proxy", "-c", file]`. @param program What to run in its place. */
  constructor(args: readonly string[], cwd: string, program: readonly string[] = TULLE) {
    this.#child = Bun.spawn([...program, ...args], { cwd, stdin: "ignore", stdout: "pipe", stderr: "pipe" });
    this.#read = Promise.all([this.#child.stdout, this.#child.stderr].map((stream) => this.#collect(stream)));
  }

  async #collect(stream: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    for await (const chunk of stream) this.#output += decoder.decode(chunk, { stream: true });
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** What it has printed so far, both streams. */
  get output(): string {
    return this.#output;
  }

  /** Undefined while it runs. */
  get exitCode(): number | undefined {
    return this.#child.exitCode ?? undefined;
  }

  get hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  signal(signal: "SIGINT" | "SIGTERM" | "SIGHUP" | "SIGKILL"): void {
    this.#child.kill(signal);
  }

  /** Waits for its end. @returns The exit code. @throws {Error} With its output, when it goes on. */
  async ended(limitMs = 20_000): Promise<number> {
    await eventually("the process ends", () => this.hasEnded, limitMs).catch((error: Error) => {
      throw new Error(`${error.message}\n${this.#output}`);
    });
    await this.#read;
    return this.#child.exitCode ?? -1;
  }

  /** Ends it, by force with all of its children when it does not want to. @returns The exit code. */
  async stop(signal: "SIGINT" | "SIGTERM" = "SIGINT"): Promise<number> {
    if (!this.hasEnded) this.signal(signal);
    try {
      return await this.ended();
    } catch (error) {
      for (const pid of [...childrenOf(this.pid), this.pid]) killQuietly(pid);
      throw error;
    }
  }
}

/** Ids of the processes that `pid` has started and that run. */
export function childrenOf(pid: number): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((id) => parentOf(id) === pid);
}

/** `undefined` for a process that is gone or is a zombie. */
function parentOf(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    const [state, parent] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return state === "Z" ? undefined : Number(parent);
  } catch {
    return undefined;
  }
}

/** Processes that run in `folder`, or in one below it. */
export function processesIn(folder: string): { readonly pid: number; readonly command: string }[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        if (!`${readlinkSync(`/proc/${name}/cwd`)}/`.startsWith(`${folder}/`)) return [];
        const command = readFileSync(`/proc/${name}/cmdline`, "utf8").replaceAll("\0", " ").trim();
        // A zombie has no command line any more.
        return command === "" ? [] : [{ pid: Number(name), command }];
      } catch {
        return [];
      }
    });
}

function killQuietly(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has gone by itself.
  }
}

/**
 * Child processes: each in a process group of its own with its output in a file, watched, and ended as a group.
 *
 * @module
 */
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";

export interface ChildSpec {
  readonly name: string;
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly workingFolder: string;
  readonly logFile: string;
}

/** How a child ended. */
export interface ChildExit {
  readonly name: string;
  readonly code: number | undefined;
  readonly signal: string | undefined;
  /** It could not be started at all. */
  readonly error: string | undefined;
  readonly logFile: string;
}

export class Child {
  readonly name: string;
  readonly #process: ChildProcess;
  readonly #exited: Promise<ChildExit>;
  #exit: ChildExit | undefined;

  constructor(spec: ChildSpec) {
    this.name = spec.name;
    const log = openSync(spec.logFile, "a", 0o640);
    const [program = "", ...args] = spec.command;
    // A group of its own: Ctrl-C in the terminal reaches us alone, and we say in which order things end.
    this.#process = spawn(program, args, {
      cwd: spec.workingFolder,
      env: { ...spec.environment },
      stdio: ["ignore", log, log],
      detached: true,
    });
    closeSync(log);
    this.#exited = new Promise((resolve) => {
      const done = (exit: Omit<ChildExit, "name" | "logFile">): void => {
        this.#exit ??= { name: spec.name, logFile: spec.logFile, ...exit };
        resolve(this.#exit);
      };
      this.#process.on("error", (error) => done({ code: undefined, signal: undefined, error: error.message }));
      this.#process.on("exit", (code, signal) =>
        done({ code: code ?? undefined, signal: signal ?? undefined, error: undefined }),
      );
    });
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  /** Undefined while it runs. */
  get exit(): ChildExit | undefined {
    return this.#exit;
  }

  /** Resolves when it has ended. */
  get exited(): Promise<ChildExit> {
    return this.#exited;
  }

  /** Sends a signal to the child and its own children. */
  signal(signal: "SIGTERM" | "SIGKILL"): void {
    const { pid } = this.#process;
    if (pid === undefined) return;
    try {
      process.kill(-pid, signal);
    } catch {
      // The group is gone.
    }
  }
}

/** `reviews-v1 (application) ended with code 1; its last lines (…/reviews-v1.app.log): …`. */
export function describeExit(exit: ChildExit): string {
  if (exit.error !== undefined) return `${exit.name} could not be started: ${exit.error}`;
  const how = exit.signal === undefined ? `with code ${exit.code}` : `by ${exit.signal}`;
  const lines = lastLines(exit.logFile, 8);
  return `${exit.name} ended ${how}; its last lines (${exit.logFile}):${lines === "" ? " none" : `\n${lines}`}`;
}

function lastLines(file: string, count: number): string {
  try {
    const lines = readFileSync(file, "utf8").trimEnd().split("\n").slice(-count);
    return lines
      .map((line) => `    ${line}`)
      .join("\n")
      .trimEnd();
  } catch {
    return "";
  }
}

/**
 * `tulle proxy -c <bootstrap>`: one proxy, from an Envoy bootstrap in JSON or YAML. Loaded without the library that reads command
 * lines: its memory is paid for by every workload.
 *
 * @module
 */
import { runProxy } from "../../app/sidecar/run.ts";
import { type CliContext, EXIT, foreseen, usageError } from "../context.ts";
import { version } from "../version.ts";
import { readWorkers } from "../workers.ts";

const USAGE = `usage: tulle proxy -c <bootstrap> [--log-level debug|info|warn|error] [--workers <number>|auto] [--max-memory <size>]

Runs one proxy from an Envoy bootstrap, JSON or YAML: the same file can be given to Envoy.
--workers serves with so many processes, one configuration and one admin port; auto is one for each core. The default is 1.
--max-memory is what the proxy sheds new requests near, such as 256m; the default is what the machine or its container allows.
What the proxy does not know in it is refused with the field's path.
`;

/** The argument that `--workers` starts its processes with; nobody types it. */
const WORKER = "--worker";

const LEVELS = ["debug", "info", "warn", "error"] as const;
type Level = (typeof LEVELS)[number];

/** Resolves when the proxy has been told to end and has ended. */
export async function run(args: readonly string[], context: CliContext): Promise<number> {
  if (args[0] === WORKER) return (await import("../../app/workers/run-worker.ts")).runWorker();
  const options = readArguments(args);
  if (options === "help") {
    context.out(USAGE);
    return EXIT.ok;
  }
  try {
    const workerCommand = [process.execPath, ...process.argv.slice(1, process.argv.length - args.length), WORKER];
    await runProxy({ ...options, workerCommand, version: version(), onInterrupt: context.onInterrupt });
  } catch (error) {
    throw foreseen(error);
  }
  return EXIT.ok;
}

interface Arguments {
  readonly file: string;
  readonly logLevel: Level;
  readonly workers: number;
  readonly maxMemoryBytes: number | undefined;
}

function readArguments(args: readonly string[]): Arguments | "help" {
  let file: string | undefined;
  let logLevel: Level = "info";
  let workers = 1;
  let maxMemoryBytes: number | undefined;
  for (let i = 0; i < args.length; i++) {
    const arg = args[i] as string;
    if (arg === "-h" || arg === "--help") return "help";
    const value = args[++i];
    if (value === undefined) throw usageError(`${arg} must be followed by a value\n${USAGE}`);
    if (arg === "-c" || arg === "--config") file = value;
    else if (arg === "--log-level" && isLevel(value)) logLevel = value;
    else if (arg === "--workers") workers = readWorkers(value);
    else if (arg === "--max-memory") maxMemoryBytes = readSize(value);
    else throw usageError(`unknown argument ${arg} ${value}\n${USAGE}`);
  }
  if (file === undefined) throw usageError(`a bootstrap must be named with -c\n${USAGE}`);
  return { file, logLevel, workers, maxMemoryBytes };
}

const UNITS = { k: 1024, m: 1024 ** 2, g: 1024 ** 3 } as const;

function readSize(text: string): number {
  const [, digits, unit] = /^(\d+)([kmg])$/.exec(text.toLowerCase()) ?? [];
  const bytes = Number(digits) * UNITS[unit as keyof typeof UNITS];
  if (bytes > 0) return bytes;
  throw usageError(`--max-memory must be a number with k, m or g, such as 256m: found ${JSON.stringify(text)}`);
}

const isLevel = (text: string): text is Level => (LEVELS as readonly string[]).includes(text);

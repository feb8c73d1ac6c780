/**
 * `tulle proxy -c <bootstrap>`: one proxy, from an Envoy bootstrap in JSON or YAML. Loaded without the library that reads command
 * lines: its memory is paid for by every workload.
 *
 * @module
 */
import { runProxy } from "../../app/sidecar/run.ts";
import { type CliContext, EXIT, foreseen, usageError } from "../context.ts";
import { version } from "../version.ts";

const USAGE = `usage: tulle proxy -c <bootstrap> [--log-level debug|info|warn|error]

Runs one proxy from an Envoy bootstrap, JSON or YAML: the same file can be given to Envoy.
What the proxy does not know in it is refused with the field's path.
`;

const LEVELS = ["debug", "info", "warn", "error"] as const;
type Level = (typeof LEVELS)[number];

/** Resolves when the proxy has been told to end and has ended. */
export async function run(args: readonly string[], context: CliContext): Promise<number> {
  const options = readArguments(args);
  if (options === "help") {
    context.out(USAGE);
    return EXIT.ok;
  }
  try {
    await runProxy({ ...options, version: version(), onInterrupt: context.onInterrupt });
  } catch (error) {
    throw foreseen(error);
  }
  return EXIT.ok;
}

function readArguments(args: readonly string[]): { file: string; logLevel: Level } | "help" {
  let file: string | undefined;
  let logLevel: Level = "info";
  for (let i = 0; i < args.length; i++) {
    const arg = args[i] as string;
    if (arg === "-h" || arg === "--help") return "help";
    const value = args[++i];
    if (value === undefined) throw usageError(`${arg} must be followed by a value\n${USAGE}`);
    if (arg === "-c" || arg === "--config") file = value;
    else if (arg === "--log-level" && isLevel(value)) logLevel = value;
    else throw usageError(`unknown argument ${arg} ${value}\n${USAGE}`);
  }
  if (file === undefined) throw usageError(`a bootstrap must be named with -c\n${USAGE}`);
  return { file, logLevel };
}

const isLevel = (text: string): text is Level => (LEVELS as readonly string[]).includes(text);

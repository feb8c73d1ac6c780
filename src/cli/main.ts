/**
 * The process of `tulle`. The proxy is started first of all, before the library that reads command lines is loaded: its
 * memory is paid for by every workload.
 *
 * @module
 */
import { systemClock } from "../base/clock.ts";
import { loadBare } from "./command-list.ts";
import { type CliContext, EXIT } from "./context.ts";
import { failed } from "./failed.ts";
import { paintFor, wantsColor } from "./paint.ts";
import { isIgnored, SIGHUP } from "./signals.ts";
import { refuseUncheckedTls } from "./unchecked-tls.ts";

function processContext(): CliContext {
  const environment = process.env;
  const isTerminal = process.stdout.isTTY;
  let stop: (() => void) | undefined;
  const interrupt = (code: number) => (): void => {
    const first = stop;
    stop = undefined;
    if (first === undefined) process.exit(code);
    first();
  };
  return {
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
    paint: paintFor(wantsColor(isTerminal, environment)),
    isTerminal,
    clock: systemClock,
    environment,
    onInterrupt(callback) {
      stop = callback;
      process.on("SIGINT", interrupt(130));
      process.on("SIGTERM", interrupt(143));
      // The terminal is closed; whoever has said `nohup` does not want to hear of it.
      if (!isIgnored(SIGHUP)) process.on("SIGHUP", interrupt(129));
    },
    exitWith: (code) => void (process.exitCode = code),
  };
}

async function main(args: readonly string[]): Promise<number> {
  const context = processContext();
  const refusal = refuseUncheckedTls(context.environment);
  if (refusal !== undefined) {
    context.err(`error: ${refusal}\n`);
    return EXIT.failure;
  }
  if (args[0] !== "proxy") return (await import("./program.ts")).runProgram(args, context);
  try {
    return await (await loadBare("proxy")).run(args.slice(1), context);
  } catch (error) {
    return failed(error, context);
  }
}

// Whoever reads our output may leave early: `tulle validate … | head`.
for (const stream of [process.stdout, process.stderr]) stream.on("error", () => process.exit(EXIT.failure));
process.exitCode = await main(process.argv.slice(2));

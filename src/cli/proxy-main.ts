/**
 * A program that is `tulle proxy` and nothing else: what `scripts/build-proxy.ts` makes one file of. A workload's proxy is
 * started from that file, since reading hundreds of sources costs time and memory that every workload would pay.
 *
 * @module
 */
import { writeSync } from "node:fs";
import { systemClock } from "../base/clock.ts";
import { run } from "./commands/proxy.ts";
import { type CliContext, CliError, EXIT } from "./context.ts";
import { paintFor } from "./paint.ts";
import { refuseUncheckedTls } from "./unchecked-tls.ts";

const context: CliContext = {
  out: (text) => void writeSync(1, text),
  err: (text) => void writeSync(2, text),
  paint: paintFor(false),
  isTerminal: false,
  clock: systemClock,
  environment: process.env,
  onInterrupt(stop) {
    process.once("SIGINT", stop);
    process.once("SIGTERM", stop);
  },
  exitWith: (code) => void (process.exitCode = code),
};

try {
  const refusal = refuseUncheckedTls(process.env);
  if (refusal !== undefined) throw new CliError(refusal);
  process.exitCode = await run(process.argv.slice(2), context);
} catch (error) {
  context.err(`error: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = error instanceof CliError ? error.exitCode : EXIT.failure;
}

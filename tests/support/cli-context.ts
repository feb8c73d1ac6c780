/**
 * A command line in a test: what it printed and how it ended.
 *
 * @module
 */
import type { Clock } from "../../src/base/clock.ts";
import { systemClock } from "../../src/base/clock.ts";
import type { CliContext } from "../../src/cli/context.ts";
import { paintFor } from "../../src/cli/paint.ts";
import { runProgram } from "../../src/cli/program.ts";

export interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export async function runCli(args: readonly string[], clock: Clock = systemClock): Promise<Ended> {
  let out = "";
  let err = "";
  const context: CliContext = {
    out: (text) => void (out += text),
    err: (text) => void (err += text),
    paint: paintFor(false),
    isTerminal: false,
    clock,
    environment: {},
    onInterrupt() {},
    exitWith() {},
  };
  const code = await runProgram(args, context);
  return { code, out, err };
}

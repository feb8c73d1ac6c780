/**
 * What a command is given in place of the process: where to write, what time it is, how it ends.
 *
 * @module
 */
import type { Clock } from "../base/clock.ts";
import type { Paint } from "./paint.ts";

/** How `tulle` ends. A command may add codes of its own and documents them in its help. */
export const EXIT = {
  ok: 0,
  /** What was asked for was tried and failed. */
  failure: 1,
  /** The command line is wrong; nothing was tried. */
  usage: 2,
  /** `validate` found errors; the code of `istioctl analyze`. */
  issues: 79,
} as const;

export interface CliContext {
  /** Standard output: what was asked for. */
  readonly out: (text: string) => void;
  /** Standard error: everything else. */
  readonly err: (text: string) => void;
  readonly paint: Paint;
  /** Standard output is a terminal: live lines may be redrawn. */
  readonly isTerminal: boolean;
  readonly clock: Clock;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Called at Ctrl-C, at SIGTERM and when the terminal is closed, in place of ending the process, which ends at the second. */
  readonly onInterrupt: (stop: () => void) => void;
  /** The code to end with, unless the command throws. Default {@link EXIT.ok}. */
  readonly exitWith: (code: number) => void;
}

/** Ends the command with a message and a code: no stack for what is no bug. */
export class CliError extends Error {
  override readonly name = "CliError";
  readonly exitCode: number;

  constructor(message: string, exitCode: number = EXIT.failure) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** The command line is wrong. */
export const usageError = (message: string): CliError => new CliError(message, EXIT.usage);

/** What could not be started says why by itself; a mistake in our own code keeps its stack. */
export function foreseen(error: unknown): unknown {
  const isMistake = error instanceof TypeError || error instanceof ReferenceError || error instanceof SyntaxError;
  return error instanceof Error && !isMistake ? new CliError(error.message) : error;
}

/**
 * How a command that could not do its work says so.
 *
 * @module
 */
import { type CliContext, CliError, EXIT } from "./context.ts";

/** Says what went wrong and returns the code. Only what nobody foresaw is shown with its stack. */
export function failed(error: unknown, context: Pick<CliContext, "err" | "paint">): number {
  const said = error instanceof CliError ? error.message : undefined;
  const text = said ?? (error instanceof Error ? (error.stack ?? error.message) : String(error));
  context.err(`${context.paint.red("error")}: ${text}\n`);
  return error instanceof CliError ? error.exitCode : EXIT.failure;
}

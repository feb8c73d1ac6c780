/**
 * The value of `--workers`. Beside no library: the proxy's command reads it too.
 *
 * @module
 */
import { availableParallelism } from "node:os";
import { usageError } from "./context.ts";

const MAX_WORKERS = 256;

/** @throws {CliError} When it is no number of workers. */
export function readWorkers(text: string): number {
  if (text === "auto") return Math.min(MAX_WORKERS, availableParallelism());
  const count = Number(text);
  if (/^\d+$/.test(text) && count >= 1 && count <= MAX_WORKERS) return count;
  throw usageError(
    `--workers must be 1 to ${MAX_WORKERS}, or auto for one on each core: found ${JSON.stringify(text)}`,
  );
}

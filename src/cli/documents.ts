/**
 * Documents that a command is about, without a running mesh.
 *
 * @module
 */
import { formatProblem } from "../base/problem.ts";
import { type Loaded, loadDocuments } from "../config/load.ts";
import { readFiles } from "../config/read-folder.ts";
import { type CliContext, usageError } from "./context.ts";
import { count } from "./words.ts";

export interface ReadDocuments {
  readonly loaded: Loaded;
  /** Of documents that are left out, as they would be live. */
  readonly errors: number;
}

/** Says on standard error what is left out. @throws {CliError} When a path cannot be read, or holds no document. */
export function readDocuments(paths: readonly string[], context: CliContext): ReadDocuments {
  const read = readFiles(paths);
  const unreadable = read.problems[0];
  if (unreadable !== undefined) throw usageError(formatProblem(unreadable));
  const loaded = loadDocuments(read.files);
  if (loaded.documents.length === 0) throw usageError(`there is no document in ${paths.join(", ")}`);
  const errors = loaded.problems.filter((p) => p.severity === "error");
  if (errors.length > 0) {
    for (const problem of errors) context.err(`${formatProblem(problem)}\n`);
    context.err(
      `${context.paint.yellow("warning")}: ${count(errors.length, "error")}: these documents are left out\n\n`,
    );
  }
  return { loaded, errors: errors.length };
}

/**
 * `tulle diff <old> <new>`: what a change of documents changes for which calls. No mesh runs for it.
 *
 * @module
 */
import { existsSync } from "node:fs";
import { type Command, Option } from "commander";
import { compareMeshes } from "../../app/diff/compare.ts";
import { changedDocuments } from "../../app/diff/documents.ts";
import { changedResources } from "../../app/diff/resources.ts";
import { formatProblem, type Problem } from "../../base/problem.ts";
import { type Loaded, loadDocuments } from "../../config/load.ts";
import { readFiles } from "../../config/read-folder.ts";
import { wholeArgument } from "../arguments.ts";
import { type CliContext, EXIT, usageError } from "../context.ts";
import { diffText, type DiffReport } from "../diff-report.ts";
import { filesAt } from "../git-files.ts";

interface Options {
  readonly exitCode: boolean;
  readonly maxCalls: number;
  readonly output: "text" | "json";
  readonly resources: boolean;
}

const MORE = `
Both are translated and compiled as for real proxies, and asked about the same calls: of each caller, for each host and port, requests
that rules and policies take or just miss. What differs is told, by the calls that it differs for.

Examples:
  tulle diff examples/bookinfo ../changed
  tulle diff HEAD -- examples/bookinfo           (the folder as git has it, and as it is)
  tulle diff --resources HEAD -- examples/bookinfo

Exit codes: ${EXIT.ok} compared, ${EXIT.failure} something differs (with --exit-code), ${EXIT.usage} wrong usage.`;

export function register(program: Command, context: CliContext): void {
  program
    .command("diff")
    .description("say what a change of documents changes, for which calls")
    .argument("<old>", "a file or folder of documents, or a git revision of <new>")
    .argument("<new>", "a file or folder of documents")
    .option("--exit-code", `end with ${EXIT.failure} where something differs`, false)
    .option("--max-calls <n>", "how many calls to ask about at most", wholeArgument(1, 10_000_000), 50_000)
    .option("--resources", "say which resources of which proxies change, too, field by field", false)
    .addOption(new Option("-o, --output <format>", "how to print").choices(["text", "json"]).default("text"))
    .addHelpText("after", MORE)
    .action((before: string, after: string, options: Options) => diff(before, after, options, context));
}

function diff(before: string, after: string, options: Options, context: CliContext): void {
  const now = read(after);
  const was = existsSync(before) ? read(before) : loadDocuments(filesAt(before, after));
  const report: DiffReport = {
    refused: newlyRefused(was, now).map(formatProblem),
    documents: changedDocuments(was.documents, now.documents),
    calls: compareMeshes(was.mesh, now.mesh, options.maxCalls),
    ...(options.resources && { resources: changedResources(was.mesh, now.mesh) }),
  };
  context.out(options.output === "json" ? `${JSON.stringify(report, null, 2)}\n` : diffText(report, context.paint));
  const { calls, documents, refused } = report;
  const same = refused.length === 0 && documents.length === 0 && calls.changes.length === 0;
  context.exitWith(options.exitCode && !same ? EXIT.failure : EXIT.ok);
}

function read(path: string): Loaded {
  const { files, problems } = readFiles([path]);
  if (problems[0] !== undefined) throw usageError(formatProblem(problems[0]));
  return loadDocuments(files);
}

/** Errors that were not there before: the same one may have moved to another line. */
function newlyRefused(was: Loaded, now: Loaded): readonly Problem[] {
  const errors = ({ problems }: Loaded): readonly Problem[] => problems.filter((p) => p.severity === "error");
  const nameOf = ({ path, message }: Problem): string => `${path}: ${message}`;
  const known = new Set(errors(was).map(nameOf));
  return errors(now).filter((problem) => !known.has(nameOf(problem)));
}

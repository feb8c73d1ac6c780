/**
 * `tulle validate <files or folders…>`: problems one a line, and a summary.
 *
 * @module
 */
import { type Command, Option } from "commander";
import { formatProblem, type Problem } from "../../base/problem.ts";
import { analyze } from "../../config/analyze.ts";
import { type Loaded, loadDocuments } from "../../config/load.ts";
import { readFiles } from "../../config/read-folder.ts";
import { type CliContext, EXIT } from "../context.ts";
import { hintFor } from "../hints.ts";
import type { Paint } from "../paint.ts";
import { count } from "../words.ts";

interface Options {
  readonly output: "text" | "json";
  readonly strict: boolean;
  readonly hints: boolean;
}

const MORE = `
Each document is checked alone (kinds, fields, values) and together with the others (hosts, subsets, selectors and rules
that lead nowhere). A kind or a field that is not known is an error.

Exit codes: ${EXIT.ok} no errors, ${EXIT.failure} a path cannot be read, ${EXIT.usage} wrong usage, ${EXIT.issues} errors were found (with --strict: or warnings).`;

export function register(program: Command, context: CliContext): void {
  program
    .command("validate")
    .description("check documents, alone and together")
    .argument("<paths...>", "files, or folders with all .yaml, .yml and .json files in them")
    .addOption(new Option("-o, --output <format>", "how to print").choices(["text", "json"]).default("text"))
    .option("--strict", "take warnings for errors", false)
    .option("--no-hints", "leave out what to do about each problem")
    .addHelpText("after", MORE)
    .action((paths: readonly string[], options: Options) => validate(paths, options, context));
}

function validate(paths: readonly string[], options: Options, context: CliContext): void {
  const read = readFiles(paths);
  const loaded = loadDocuments(read.files);
  const problems = inOrder([...read.problems, ...loaded.problems, ...analyze(loaded)]);
  const errors = problems.filter((p) => p.severity === "error").length;
  const verdict = { errors, warnings: problems.length - errors };
  context.out(
    options.output === "json"
      ? asJson(problems, loaded, read.files.length, verdict)
      : asText(problems, loaded, read.files.length, verdict, options.hints, context.paint),
  );
  const bad = errors > 0 || (options.strict && problems.length > 0);
  context.exitWith(read.problems.length > 0 ? EXIT.failure : bad ? EXIT.issues : EXIT.ok);
}

/** As a person reads them: file by file, from the top. */
function inOrder(problems: readonly Problem[]): readonly Problem[] {
  const files = new Map([...new Set(problems.map((p) => p.place.file))].map((file, i) => [file, i]));
  const rank = ({ place }: Problem): number => files.get(place.file) ?? 0;
  return [...problems].sort(
    (a, b) => rank(a) - rank(b) || a.place.line - b.place.line || a.place.column - b.place.column,
  );
}

interface Verdict {
  readonly errors: number;
  readonly warnings: number;
}

function asText(
  problems: readonly Problem[],
  loaded: Loaded,
  files: number,
  { errors, warnings }: Verdict,
  hints: boolean,
  paint: Paint,
): string {
  const lines = problems.flatMap((p) => {
    const hint = hints ? hintFor(p) : undefined;
    const line =
      p.severity === "error" ? formatProblem(p) : formatProblem(p).replace("warning: ", paint.yellow("warning: "));
    return hint === undefined ? [line] : [line, paint.dim(`    ${hint}`)];
  });
  const found =
    problems.length === 0
      ? paint.green("no problems")
      : `${errors > 0 ? paint.red(count(errors, "error")) : "no errors"}, ${count(warnings, "warning")}`;
  lines.push(`${count(loaded.documents.length, "document")} in ${count(files, "file")}: ${found}`);
  return `${lines.join("\n")}\n`;
}

function asJson(problems: readonly Problem[], loaded: Loaded, files: number, verdict: Verdict): string {
  const all = problems.map((p) => ({
    severity: p.severity,
    file: p.place.file,
    line: p.place.line,
    column: p.place.column,
    path: p.path,
    message: p.message,
    hint: hintFor(p),
  }));
  const documents = loaded.documents.map(({ kind, namespace, name, status, place: { file, line } }) => ({
    kind,
    namespace,
    name,
    status,
    file,
    line,
  }));
  return `${JSON.stringify({ ...verdict, files, documents, problems: all }, null, 2)}\n`;
}

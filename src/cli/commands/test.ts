/**
 * `tulle test <paths…>`: runs the ConfigTests of a folder against the documents beside them. No mesh runs for it.
 *
 * @module
 */
import { type Command, Option } from "commander";
import { type Covered, coverageOf } from "../../app/config-test/coverage.ts";
import { type CaseResult, runConfigTests } from "../../app/config-test/run.ts";
import type { Mesh } from "../../model/mesh.ts";
import type { Origin } from "../../model/origin.ts";
import { type CliContext, EXIT, usageError } from "../context.ts";
import { junitReport } from "../config-test-junit.ts";
import { configTestText, coverageText } from "../config-test-report.ts";
import { readDocuments } from "../documents.ts";

interface Options {
  readonly filter?: string;
  readonly coverage: boolean;
  readonly allowRefused: boolean;
  readonly brief: boolean;
  readonly output: "text" | "json" | "junit";
}

const MORE = `
A test is a document beside the others, kind ConfigTest of tulle.dev/v1, by custom in a file *.tulle-test.yaml: requests, and what
shall become of them. What decides for traffic decides here, as for "tulle explain".

Examples:
  tulle test examples/bookinfo
  tulle test examples/bookinfo --coverage --filter ratings

Exit codes: ${EXIT.ok} every case passed, ${EXIT.failure} some failed, ${EXIT.usage} wrong usage, nothing to run, or a document that is refused.`;

export function register(program: Command, context: CliContext): void {
  program
    .command("test")
    .description("run configuration tests: what shall become of requests by the documents beside them")
    .argument("<paths...>", "files, or folders of documents and tests: all of them are one mesh")
    .option("--filter <text>", "only cases with this in namespace/test: case, whatever its case")
    .option("--coverage", "which rules, policies and subsets no case met", false)
    .option("--allow-refused", "run although documents are refused, without them, as live", false)
    .option("--brief", "leave out the explanations of cases that failed", false)
    .addOption(new Option("-o, --output <format>", "how to print").choices(["text", "json", "junit"]).default("text"))
    .addHelpText("after", MORE)
    .action((paths: readonly string[], options: Options) => test(paths, options, context));
}

function test(paths: readonly string[], options: Options, context: CliContext): void {
  const { errors, loaded } = readDocuments(paths, context);
  const refused = errors > 0 && !options.allowRefused;
  if (refused && loaded.configTests.length === 0) return context.exitWith(EXIT.usage);
  const { mesh, configTests } = loaded;
  if (configTests.length === 0) throw usageError(`there is no ConfigTest in ${paths.join(", ")}`);
  const results = runConfigTests(mesh, configTests, wantedBy(options.filter));
  if (results.length === 0) throw usageError(`no case has ${JSON.stringify(options.filter)} in its name`);
  context.out(report(mesh, results, options, context));
  const failed = results.some(({ failures }) => failures.length > 0);
  context.exitWith(refused ? EXIT.usage : failed ? EXIT.failure : EXIT.ok);
}

function wantedBy(filter: string | undefined): (test: Origin, name: string) => boolean {
  if (filter === undefined) return () => true;
  const wanted = filter.toLowerCase();
  return ({ namespace, name }, of) => `${namespace}/${name}: ${of}`.toLowerCase().includes(wanted);
}

function report(mesh: Mesh, results: readonly CaseResult[], options: Options, { paint }: CliContext): string {
  if (options.output === "junit") return junitReport(results, paint);
  const coverage = options.coverage
    ? coverageOf(
        mesh,
        results.flatMap((r) => r.explanation ?? []),
      )
    : undefined;
  if (options.output === "json") return asJson(results, coverage);
  return `${configTestText(results, !options.brief, paint)}${coverage === undefined ? "" : coverageText(coverage, paint)}`;
}

function asJson(results: readonly CaseResult[], coverage: readonly Covered[] | undefined): string {
  const cases = results.map(({ test, case: it, failures, explanation }) => ({
    test: `${test.namespace}/${test.name}`,
    name: it.name,
    file: it.place.file,
    line: it.place.line,
    column: it.place.column,
    passed: failures.length === 0,
    failures: failures.map(({ expectation, expected, found }) => ({
      field: expectation?.field,
      line: expectation?.place.line,
      column: expectation?.place.column,
      expected,
      found,
    })),
    explanation: failures.length === 0 ? undefined : explanation,
  }));
  const failed = cases.filter((c) => !c.passed).length;
  return `${JSON.stringify({ passed: cases.length - failed, failed, cases, coverage }, null, 2)}\n`;
}

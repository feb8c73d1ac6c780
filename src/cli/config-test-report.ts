/**
 * Results of configuration tests as a person reads them: each test with its cases, and of those that failed what was expected,
 * what was found, and why.
 *
 * @module
 */
import type { Covered } from "../app/config-test/coverage.ts";
import type { CaseFailure, CaseResult } from "../app/config-test/run.ts";
import type { Place } from "../base/problem.ts";
import { explanationText } from "./explain-report.ts";
import type { Paint } from "./paint.ts";
import { count } from "./words.ts";

/** @param reasons Whether the explanations of failed cases are told as well. */
export function configTestText(results: readonly CaseResult[], reasons: boolean, paint: Paint): string {
  const lines = [...byTest(results)].flatMap(([test, cases]) => [
    paint.bold(test),
    ...cases.flatMap((result) => caseLines(result, reasons, paint)),
  ]);
  const failed = results.filter((r) => r.failures.length > 0).length;
  const passed = paint.green(`${results.length - failed} passed`);
  lines.push(
    "",
    `${count(results.length, "case")}: ${passed}${failed === 0 ? "" : `, ${paint.red(`${failed} failed`)}`}`,
  );
  return `${lines.join("\n")}\n`;
}

/** In the order of the files. */
export function byTest(results: readonly CaseResult[]): ReadonlyMap<string, readonly CaseResult[]> {
  const tests = new Map<string, CaseResult[]>();
  for (const result of results) {
    const name = `${result.test.namespace}/${result.test.name}`;
    const known = tests.get(name);
    if (known === undefined) tests.set(name, [result]);
    else known.push(result);
  }
  return tests;
}

const at = ({ file, line, column }: Place): string => `${file}:${line}:${column}`;

function caseLines(result: CaseResult, reasons: boolean, paint: Paint): readonly string[] {
  const { failures, explanation, case: it } = result;
  if (failures.length === 0) return [`  ${paint.green("✓")} ${it.name}`];
  const told = reasons && explanation !== undefined ? explanationText(explanation, paint).trimEnd().split("\n") : [];
  return [
    `  ${paint.red("✗")} ${it.name} ${paint.dim(`(${at(it.place)})`)}`,
    ...failureLines(result).map((line) => `      ${line}`),
    ...told.map((line) => `      ${paint.dim("│")} ${line}`.trimEnd()),
  ];
}

/** What failed, and what decided. */
export function failureLines({ failures, explanation, case: it }: CaseResult): readonly string[] {
  const rule = explanation?.routing?.rules.find((r) => r.matched);
  const { source } = rule ?? {};
  const decided =
    rule === undefined || source === undefined
      ? []
      : [`decided by ${source.kind} ${source.namespace}/${source.name} rule ${rule.name} (${at(source)})`];
  return [...failures.map((failure) => failureLine(failure, it.place)), ...decided];
}

const failureLine = ({ expectation, expected, found }: CaseFailure, place: Place): string =>
  expectation === undefined
    ? `${at(place)} cannot be asked: ${found}`
    : `${at(expectation.place)} ${expectation.field}: expected ${expected}, found ${found}`;

export function coverageText(coverage: readonly Covered[], paint: Paint): string {
  const parts = (["rule", "policy", "subset"] as const).flatMap((kind) => {
    const all = coverage.filter((c) => c.kind === kind);
    const met = all.filter((c) => c.cases > 0).length;
    return all.length === 0 ? [] : [`${met} of ${count(all.length, KINDS[kind])}`];
  });
  const missing = coverage.filter((c) => c.cases === 0);
  return [
    `${paint.bold("coverage")}  ${parts.join(", ") || "nothing to meet"}`,
    ...missing.map(({ what, source }) => `  ${paint.yellow("no case")} ${what} ${paint.dim(`(${at(source)})`)}`),
    "",
  ].join("\n");
}

const KINDS: Readonly<Record<Covered["kind"], string>> = {
  rule: "routing rule",
  policy: "policy rule",
  subset: "subset",
};

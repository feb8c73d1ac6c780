/**
 * Results of configuration tests as JUnit's XML, which build servers read: a suite for each ConfigTest.
 *
 * @module
 */
import type { CaseResult } from "../app/config-test/run.ts";
import { byTest, failureLines } from "./config-test-report.ts";
import { explanationText } from "./explain-report.ts";
import type { Paint } from "./paint.ts";

export function junitReport(results: readonly CaseResult[], paint: Paint): string {
  const suites = [...byTest(results)].map(([name, cases]) => {
    const inner = cases.map((result) => testCase(name, result, paint)).join("");
    return `  <testsuite name=${attribute(name)} ${counts(cases)}>\n${inner}  </testsuite>\n`;
  });
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites ${counts(results)}>\n${suites.join("")}</testsuites>\n`;
}

const counts = (results: readonly CaseResult[]): string =>
  `tests="${results.length}" failures="${results.filter((r) => r.failures.length > 0).length}"`;

function testCase(suite: string, result: CaseResult, paint: Paint): string {
  const { name, place } = result.case;
  const head = `    <testcase classname=${attribute(suite)} name=${attribute(name)} file=${attribute(place.file)} line="${place.line}"`;
  if (result.failures.length === 0) return `${head}/>\n`;
  const [message = "", ...more] = failureLines(result);
  const reasons = result.explanation === undefined ? "" : explanationText(result.explanation, paint);
  const text = escaped([message, ...more, "", reasons].join("\n").trimEnd());
  return `${head}>\n      <failure message=${attribute(message)}>${text}</failure>\n    </testcase>\n`;
}

const attribute = (text: string): string => `"${escaped(text)}"`;

/** What XML 1.0 cannot hold at all becomes `?`. */
const escaped = (text: string): string =>
  text
    // oxlint-disable-next-line no-control-regex
    .replace(/[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]|[\ud800-\udfff](?![\udc00-\udfff])/g, "?")
    .replace(/[&<>"]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[c] ?? c);

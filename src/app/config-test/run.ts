/**
 * Runs configuration tests: each case is a question to `explain`, each expectation is compared with the answer.
 *
 * @module
 */
import type { ConfigCase, ConfigTest, Expectation } from "../../model/config-test.ts";
import type { Mesh } from "../../model/mesh.ts";
import type { Origin } from "../../model/origin.ts";
import { explainerOf, type Explainer } from "../explain/explain.ts";
import type { Explanation } from "../explain/explanation.ts";
import { compare } from "./compare.ts";

export interface CaseResult {
  readonly test: Origin;
  readonly case: ConfigCase;
  readonly failures: readonly CaseFailure[];
  /** Undefined for a question that cannot be asked. */
  readonly explanation: Explanation | undefined;
}

export interface CaseFailure {
  /** Undefined: the question itself cannot be asked, such as of a workload that is not there. */
  readonly expectation: Expectation | undefined;
  readonly expected: string;
  readonly found: string;
}

/** @param wanted Which cases to run. */
export function runConfigTests(
  mesh: Mesh,
  tests: readonly ConfigTest[],
  wanted: (test: Origin, name: string) => boolean,
): readonly CaseResult[] {
  const explainer = explainerOf(mesh);
  return tests.flatMap(({ origin, cases }) =>
    cases.filter(({ name }) => wanted(origin, name)).map((it) => runCase(explainer, origin, it)),
  );
}

function runCase(explainer: Explainer, test: Origin, it: ConfigCase): CaseResult {
  const { from, method, url, headers } = it.request;
  try {
    // A name alone is looked for in the test's own namespace first.
    const own = `${test.namespace}/${from}`;
    const caller = from !== undefined && explainer.has(own) ? own : from;
    const asked = { from: caller, method, url, headers: Object.entries(headers) };
    const explanation = explainer.explain({ ...asked, brief: true });
    const failures = it.expectations.flatMap((expectation) => {
      const { expected, found, holds } = compare(expectation.want, explanation);
      return holds ? [] : [{ expectation, expected, found }];
    });
    // Why is told of those that fail.
    return { test, case: it, failures, explanation: failures.length === 0 ? explanation : explainer.explain(asked) };
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    const failure = { expectation: undefined, expected: "a question that can be asked", found: error.message };
    return { test, case: it, failures: [failure], explanation: undefined };
  }
}

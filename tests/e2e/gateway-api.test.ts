/**
 * The Gateway API's conformance tests on real processes: proxies of ours with a control plane, echo servers behind them, and
 * what upstream's client would send. `tests/suites/README.md` counts them.
 *
 * `GATEWAY_API_ONLY` is a regular expression of the names to run; `GATEWAY_API_PROXY=envoy` runs real Envoys in place of our proxies.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { conformanceTests, type SuiteName, UPSTREAM_TESTS } from "../suites/gateway-api.ts";
import { ensureEnvoy } from "../support/envoy.ts";
import { ConformanceLab } from "./gateway-api/lab.ts";
import { LEFT_OUT } from "./gateway-api/left-out.ts";
import { runTest } from "./gateway-api/run-test.ts";

const all = conformanceTests();
const envoy = process.env["GATEWAY_API_PROXY"] === "envoy" ? await ensureEnvoy() : undefined;
const only = new RegExp(process.env["GATEWAY_API_ONLY"] ?? "");
const TEST_LIMIT_MS = 60_000;

describe("the Gateway API's conformance tests", () => {
  if (all === undefined) {
    console.warn("SKIPPED: the suite of the Gateway API is not there");
    test.skip("mesh and gateway", () => {});
    return;
  }
  for (const suite of ["mesh", "gateway"] as const) describe(suite, () => runSuite(suite));
});

function runSuite(suite: SuiteName): void {
  const tests = (all ?? []).filter((it) => it.suite === suite && only.test(it.name));
  let passed = 0;
  let lab: ConformanceLab | undefined;
  beforeAll(async () => void (lab = await ConformanceLab.start(suite, envoy)), 30_000);
  afterAll(async () => lab?.stop(), 30_000);

  for (const it of tests) {
    const reason = LEFT_OUT[it.name];
    const name = reason === undefined ? it.name : `${it.name} fails: ${reason}`;
    const run = async (): Promise<void> => {
      const found = await runTest(lab as ConformanceLab, it);
      if (reason !== undefined) return expect(found.length, "it passes: take it off the list").toBeGreaterThan(0);
      expect(found).toEqual([]);
      passed++;
    };
    test(name, run, TEST_LIMIT_MS);
  }

  test("how many pass", () => {
    console.info(`gateway-api ${suite}: ${passed} of ${tests.length} here and ${UPSTREAM_TESTS[suite]} upstream`);
    expect(passed).toBe(tests.filter(({ name }) => LEFT_OUT[name] === undefined).length);
  });
}

/**
 * Third-party vectors of routing: those of Envoy's own router check tool. A route configuration, a request, and the route
 * that must come out.
 *
 * @module
 */
import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { compileHttp, type CompiledHttp } from "../../src/engine/http.ts";
import { Router } from "../../src/xds/proto/filter-router.ts";
import { RouteConfiguration } from "../../src/xds/proto/route.ts";
import { pack } from "../../src/xds/types/any.ts";
import { fromJson } from "../../src/xds/types/codec.ts";
import { suiteFigures } from "./figures.ts";
import { type CheckInput, outcomeOf, type Validate, wrongFields } from "./router-check-outcome.ts";

const FILE = join(import.meta.dir, "../../../shared/suites/envoy-router-check/cases.json");

interface CheckTest {
  readonly test_name: string;
  readonly expect: "match" | "mismatch";
  readonly input: CheckInput;
  readonly validate: Validate;
}

interface CheckCase {
  readonly name: string;
  readonly routeConfiguration: unknown;
  readonly runtime: unknown;
  readonly tests: readonly CheckTest[];
}

/** Why a test is left out: the feature that it needs and that is not here. */
const NOT_HERE: Readonly<Record<string, string>> = {
  "Runtime/Test_1":
    "the tool turns every runtime key off that a test does not name; without runtime layers the default value (here 100 %) counts, in Envoy too",
};

export function routerCheckSuite(): void {
  describe("Envoy's router check vectors", () => {
    if (!existsSync(FILE)) {
      console.warn(`SKIPPED: ${FILE} is absent`);
      test.skip("vectors", () => undefined);
      return;
    }
    const { cases } = JSON.parse(readFileSync(FILE, "utf8")) as { readonly cases: readonly CheckCase[] };
    const counts = { run: 0, left: 0, total: 0 };
    for (const item of cases) registerCase(item, counts);
    test("counts", () => {
      console.log(`Envoy router check: ${counts.run} of ${counts.total} upstream tests run, ${counts.left} left out`);
      for (const [name, why] of Object.entries(NOT_HERE)) console.log(`  left out: ${name}: ${why}`);
      expect(counts.run + counts.left).toBe(counts.total);
      expect(suiteFigures("envoy-router-check", "tests")).toEqual({
        passed: counts.run,
        here: counts.total,
        upstream: counts.total,
      });
    });
  });
}

function registerCase(item: CheckCase, counts: { run: number; left: number; total: number }): void {
  counts.total += item.tests.length;
  for (const check of item.tests) {
    const name = `${item.name}/${check.test_name}`;
    if (NOT_HERE[name] !== undefined) {
      counts.left++;
      continue;
    }
    counts.run++;
    test(name, () => {
      const wrong = wrongFields(outcomeOf(compile(item), check.input), check.validate);
      if (check.expect === "match") expect(wrong).toEqual([]);
      else expect(wrong).not.toEqual([]);
    });
  }
}

function compile(item: CheckCase): CompiledHttp {
  const routeConfig = fromJson(RouteConfiguration, item.routeConfiguration);
  const router = { name: "router", typedConfig: pack(Router, {}) };
  return compileHttp({ statPrefix: "check", routeConfig, httpFilters: [router] }, () => undefined);
}

/**
 * Conditions of the Gateway API as Istio's controller writes them, case by case; what differs on purpose is a list with reasons.
 */
import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ACCEPTED, differences, isAccepted, runCase, type StatusSuite } from "./suites/gateway-status.ts";

const FILE = join(import.meta.dir, "..", "..", "shared", "suites", "gateway-status", "cases.json");

describe("gateway-status", () => {
  if (!existsSync(FILE)) {
    console.warn(`SKIPPED: ${FILE} is not there`);
    test.skip("gateway-status", () => {});
    return;
  }
  const suite = JSON.parse(readFileSync(FILE, "utf8")) as StatusSuite;
  const results = suite.cases.map((c) => {
    const { expected, actual } = runCase(suite, c);
    return { name: c.name, said: expected.size, found: differences(expected, actual) };
  });

  test.each(results.map((r) => [r.name, r] as const))("%s", (name, { found, said }) => {
    expect(said).toBeGreaterThan(0);
    expect(found.filter((d) => !isAccepted(name, d))).toEqual([]);
  });

  test("every accepted difference is one", () => {
    for (const { cases, key } of ACCEPTED)
      for (const name of cases) {
        const found = results.find((r) => r.name === name)?.found ?? [];
        expect(
          found.some((d) => key.test(d.key)),
          `${name} ${key}`,
        ).toBe(true);
      }
  });

  test("are counted", () => {
    const whole = results.filter((r) => r.found.length === 0).length;
    const said = results.reduce((sum, r) => sum + r.said, 0);
    const lost = (levels: readonly string[]): number =>
      results.flatMap((r) => r.found).filter((d) => d.wanted !== undefined && levels.includes(d.level)).length;
    console.log(
      `gateway-status: ${whole} of ${results.length} cases without any difference, the others with accepted ones only; ${suite.upstreamCases} upstream. ` +
        `Of ${said} facts (conditions, counts, kinds, addresses): ${said - lost(["type"])} told, ${said - lost(["type", "status"])} with the status, ` +
        `${said - lost(["type", "status", "reason"])} with the reason or value`,
    );
    expect(whole).toBeGreaterThanOrEqual(18);
  });
});

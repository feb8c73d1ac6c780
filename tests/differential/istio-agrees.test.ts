/**
 * The same documents to a real istiod and to Tulle, and the same requests to an Envoy that the one steers, to an Envoy that
 * the other steers, and to our own proxy: what a person wrote down, and what Istio's own samples say.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { compare } from "./comparison.ts";
import { FIXED } from "./fixed.ts";
import { formatFinding } from "./report.ts";
import { Oracle } from "./rig/oracle.ts";
import { findTools } from "./rig/tools.ts";

const tools = await findTools();

describe.skipIf(tools === undefined)("a real Istio agrees", () => {
  let oracle: Oracle;

  beforeAll(async () => {
    if (tools !== undefined) oracle = await Oracle.start(tools);
  }, 180_000);
  afterAll(() => oracle?.stop(), 60_000);

  test("with each kind of rule", async () => {
    const { comparisons, findings } = await compare(oracle, FIXED);
    expect(findings.map(formatFinding).join("\n")).toBe("");
    expect(comparisons).toBeGreaterThan(250);
  }, 120_000);
});

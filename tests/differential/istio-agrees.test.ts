/**
 * The same documents to a real istiod and to Tulle, and the same requests to an Envoy that the one steers, to an Envoy that
 * the other steers, and to our own proxy: cases that a person wrote, and generated ones.
 *
 * `TULLE_SEED=7` generates others, and repeats a run. The ordinary run always generates the same ones.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { isLong } from "../e2e/support/traffic.ts";
import { ACCEPTED } from "./accepted.ts";
import { type Case, compare, type Report } from "./comparison.ts";
import { FIXED } from "./fixed.ts";
import { generatedCase } from "./generate/cases.ts";
import { gatewayApiCase } from "./generate/gateway-api.ts";
import { gatewayCase } from "./generate/gateways.ts";
import { GATEWAY_FIXED } from "./gateway-fixed.ts";
import { formatFinding } from "./report.ts";
import { Oracle } from "./rig/oracle.ts";
import { findTools } from "./rig/tools.ts";
import { sampleCases } from "./samples.ts";
import { sidecarCases } from "./sidecars.ts";
import { kindsOf, shrink } from "./shrink.ts";

const seed = Number(process.env["TULLE_SEED"] ?? (isLong ? Math.floor(Math.random() * 1e9) : 1));
const COMPARISONS = isLong ? 50_000 : 2000;
const ASKS = 14;
/** Kinds of differences that are shrunk before a test fails. */
const MAX_SHRUNK = 3;

/** One of four is about the gateway, every other one of these by the Gateway API. */
const makerOf = (number: number): typeof generatedCase =>
  number % 8 === 7 ? gatewayApiCase : number % 4 === 3 ? gatewayCase : generatedCase;

const tools = await findTools();

describe.skipIf(tools === undefined)("a real Istio agrees", () => {
  let oracle: Oracle;
  const met = new Set<string>();

  beforeAll(async () => {
    if (tools !== undefined) oracle = await Oracle.start(tools);
  }, 180_000);
  afterAll(() => oracle?.stop(), 60_000);

  async function check(cases: readonly Case[]): Promise<Report> {
    const report = await compare(oracle, cases);
    for (const { why } of report.accepted.keys()) met.add(why);
    const shrunk: string[] = [];
    for (const finding of kindsOf(report.findings).slice(0, MAX_SHRUNK))
      shrunk.push(formatFinding(await shrink(oracle, finding)));
    if (shrunk.length > 0)
      console.log(`${report.findings.length} differences that nothing explains\n${shrunk.join("\n")}`);
    expect(shrunk.length).toBe(0);
    return report;
  }

  test("with each kind of rule", async () => {
    expect((await check([...FIXED, ...GATEWAY_FIXED])).comparisons).toBeGreaterThan(315);
  }, 240_000);

  test("with Sidecars", async () => {
    expect((await check(sidecarCases(isLong))).comparisons).toBeGreaterThan(40);
  }, 240_000);

  test("with the rules of Istio's samples", async () => {
    const cases = sampleCases();
    const { comparisons } = await check(cases);
    expect(comparisons).toBeGreaterThanOrEqual(cases.length * 10);
  }, 240_000);

  test(`with ${COMPARISONS} generated requests, TULLE_SEED=${seed}`, async () => {
    console.log(`differential: TULLE_SEED=${seed}`);
    let done = 0;
    for (let at = 0; done < COMPARISONS; at += 100) {
      const cases = Array.from({ length: 100 }, (_, i) => makerOf(i)(seed, at + i, ASKS));
      done += (await check(cases)).comparisons;
    }
  }, 1_200_000);

  test.skipIf(!isLong)("and each accepted difference is met", () => {
    expect(ACCEPTED.map(({ why }) => why).filter((why) => !met.has(why))).toEqual([]);
  });
});

/**
 * Puts cases to both proxies and compares what came of them.
 *
 * @module
 */
import { eventually } from "../support/eventually.ts";
import { type Difference, differences, outcomeOf } from "./outcome.ts";
import type { ProxyUnderTest } from "./proxies.ts";
import { talk, type WireCase, type WireResult } from "./wire-client.ts";

export interface Compared {
  readonly wire: WireCase;
  readonly differences: readonly Difference[];
}

const LANES = 64;

/** @param first Number of the first case: each calls from an address of its own, by which log lines are told apart. */
export async function compareCases(
  envoy: ProxyUnderTest,
  tulle: ProxyUnderTest,
  cases: readonly WireCase[],
  first: number,
): Promise<readonly Compared[]> {
  const [theirs, ours] = await Promise.all([runCases(envoy, cases, first), runCases(tulle, cases, first)]);
  return cases.map((wire, i) => {
    const [a, b] = [theirs[i] as Observed, ours[i] as Observed];
    const seen = [envoy, tulle].map(({ backend }) => backend.seen(wire.id));
    return {
      wire,
      differences: differences(
        outcomeOf(a.result, seen[0] ?? [], a.log, envoy.portOf(wire.listener)),
        outcomeOf(b.result, seen[1] ?? [], b.log, tulle.portOf(wire.listener)),
      ),
    };
  });
}

interface Observed {
  readonly result: WireResult;
  readonly log: readonly string[];
}

async function runCases(proxy: ProxyUnderTest, cases: readonly WireCase[], first: number): Promise<Observed[]> {
  const results: WireResult[] = [];
  let next = 0;
  const lane = async (): Promise<void> => {
    for (let i = next++; i < cases.length; i = next++) {
      const wire = cases[i] as WireCase;
      results[i] = await talk(proxy.portOf(wire.listener), addressOf(first + i), wire);
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  const lines = byKey(await quietLog(proxy));
  return results.map((result, i) => {
    const { id } = cases[i] as WireCase;
    return { result, log: [...(lines.get(id) ?? []), ...(lines.get(addressOf(first + i)) ?? [])] };
  });
}

const addressOf = (number: number): string => `127.1.${number >> 8}.${number & 255}`;

/** The log, when two looks at it are alike: what is said there comes in bundles. */
async function quietLog(proxy: ProxyUnderTest): Promise<readonly string[]> {
  let before = -1;
  let sinceMs = performance.now();
  return eventually("the log is complete", () => {
    const lines = proxy.log();
    if (lines.length !== before) sinceMs = performance.now();
    before = lines.length;
    return performance.now() - sinceMs > 1500 && lines;
  });
}

/** Lines by their case, or by their client when their head could not be read. */
function byKey(log: readonly string[]): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const line of log) {
    const [key = "", ...rest] = line.split(" | ");
    const [id = "", address = ""] = key.split(" ");
    const owner = id === "-" ? address : id;
    const lines = found.get(owner);
    if (lines === undefined) found.set(owner, [rest.join(" | ")]);
    else lines.push(rest.join(" | "));
  }
  return found;
}

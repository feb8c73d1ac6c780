/**
 * Third-party vectors of path normalization: Istio's own, for each of its modes.
 *
 * @module
 */
import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { compileNormalization, type NormalizationSettings } from "../../src/engine/path-normalization.ts";
import { suiteFigures } from "./figures.ts";

const FILE = join(import.meta.dir, "../../../shared/suites/istio-normalization/cases.json");

interface Vector {
  readonly group: string;
  readonly mode: string;
  readonly input: string;
  readonly expectedPath?: string;
  readonly status?: number;
}

/** What Istio configures for its modes. */
const MODES: Readonly<Record<string, NormalizationSettings>> = {
  NONE: { normalizePath: false, mergeSlashes: false, escapedSlashes: "keep" },
  BASE: { normalizePath: true, mergeSlashes: false, escapedSlashes: "keep" },
  MERGE_SLASHES: { normalizePath: true, mergeSlashes: true, escapedSlashes: "keep" },
  DECODE_AND_MERGE_SLASHES: { normalizePath: true, mergeSlashes: true, escapedSlashes: "forward" },
};

function run(vector: Vector): unknown {
  const settings = MODES[vector.mode];
  if (settings === undefined) throw new Error(`unknown mode ${vector.mode}`);
  // The upstream client never sends the fragment.
  const sent = vector.input.split("#")[0] ?? "";
  const result = compileNormalization(settings)(sent);
  return typeof result === "string" ? result : result.t === "reject" ? 400 : result.location;
}

export function normalizationSuite(): void {
  describe("Istio's path normalization vectors", () => {
    if (!existsSync(FILE)) {
      console.warn(`SKIPPED: ${FILE} is absent`);
      test.skip("vectors", () => undefined);
      return;
    }
    const { cases, upstreamCases } = JSON.parse(readFileSync(FILE, "utf8")) as {
      readonly cases: readonly Vector[];
      readonly upstreamCases: number;
    };
    for (const mode of Object.keys(MODES)) {
      test(mode, () => {
        const wrong = cases
          .filter((vector) => vector.mode === mode)
          .map((vector) => ({ ...vector, found: run(vector) }))
          .filter((vector) => vector.found !== (vector.expectedPath ?? vector.status));
        expect(wrong).toEqual([]);
      });
    }
    test("counts", () => {
      console.log(`Istio path normalization: ${cases.length} of ${upstreamCases} upstream vectors present, all run`);
      expect(cases.every((vector) => vector.mode in MODES)).toBe(true);
      const figures = { passed: cases.length, here: cases.length, upstream: upstreamCases };
      expect(suiteFigures("istio-normalization", "vectors")).toEqual(figures);
    });
  });
}

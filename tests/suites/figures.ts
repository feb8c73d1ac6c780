/**
 * The figures that `README.md` beside this file says of a suite: the test that runs the suite holds them to be its own.
 *
 * @module
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";

export interface SuiteFigures {
  readonly passed: number;
  readonly here: number;
  readonly upstream: number;
}

/**
 * @param what What is counted, in the page's words.
 * @throws When the page has no such section, or it does not say `… of … cases here pass; upstream has …`.
 */
export function suiteFigures(suite: string, what = "cases"): SuiteFigures {
  const page = readFileSync(join(import.meta.dir, "README.md"), "utf8");
  const [, section] = new RegExp(`^## ${suite}\n([\\s\\S]*?)(?=^## |$(?![\\s\\S]))`, "m").exec(page) ?? [];
  const words = (section ?? "").replaceAll(/\s+/g, " ");
  const said = new RegExp(`\\*\\*(\\d+) of (\\d+) ${what} here pass; upstream has (\\d+)`).exec(words);
  if (said === null) throw new Error(`tests/suites/README.md does not say how many ${what} of ${suite} pass`);
  return { passed: Number(said[1]), here: Number(said[2]), upstream: Number(said[3]) };
}

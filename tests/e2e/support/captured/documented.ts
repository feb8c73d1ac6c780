/**
 * The commands of `docs/capture.md`, so that what the page says is what runs.
 *
 * @module
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { TULLE } from "../running-process.ts";

const PAGE = join(import.meta.dir, "../../../../docs/capture.md");

/** The page's command `tulle <what> …`. @param words In place of words that stand for others. */
export function documented(what: RegExp, words: Readonly<Record<string, string>>): readonly string[] {
  const line = readFileSync(PAGE, "utf8")
    .split("\n")
    .find((it) => it.startsWith("tulle ") && what.test(it));
  if (line === undefined) throw new Error(`docs/capture.md has no command ${what.source}`);
  const [, ...rest] = line.split(" ");
  return [...TULLE, ...rest.map((word) => words[word] ?? word)];
}

/**
 * Mutations of valid documents: never a crash, and each error names a place that the file has.
 */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseDocument, stringify } from "yaml";
import { type Random, seededRandom } from "../src/base/random.ts";
import { formatProblem } from "../src/base/problem.ts";
import { analyze } from "../src/config/analyze.ts";
import { loadDocuments } from "../src/config/load.ts";

const FILE = "shop-edge-and-routes.yaml";
const VALID = ["shop.yaml", "edge.yaml", "routes.yaml", "expected.yaml"]
  .map((name) => readFileSync(join(import.meta.dir, "fixtures", "config", name), "utf8"))
  .join("\n---\n");
const MUTATIONS = 1000;

// === mutations ===

const pick = <T>(random: Random, from: readonly T[]): T => from[Math.floor(random() * from.length)] as T;
const at = (random: Random, length: number): number => Math.floor(random() * length);

type Mutation = (random: Random, text: string) => string;

/** Text as a person or an editor garbles it. */
const textual: readonly Mutation[] = [
  (random, text) => text.slice(0, at(random, text.length)),
  (random, text) => {
    const i = at(random, text.length);
    return text.slice(0, i) + text.slice(i + 1 + at(random, 30));
  },
  (random, text) => {
    const i = at(random, text.length);
    return (
      text.slice(0, i) +
      pick(random, [
        "{",
        "}",
        "[",
        "]",
        ":",
        "- ",
        "\t",
        "'",
        '"',
        "&a ",
        "*a",
        "!x ",
        "---\n",
        "\0",
        "é",
        "#",
        "<<: ",
      ]) +
      text.slice(i)
    );
  },
  (random, text) =>
    onLine(random, text, (line) =>
      pick(random, [` ${line}`, `    ${line}`, line.trimStart(), line.replace(/^ {2}/, "")]),
    ),
  (random, text) => onLine(random, text, (line) => `${line}\n${line}`),
  (random, text) => onLine(random, text, () => ""),
  (random, text) => onLine(random, text, (line) => line.replace(/[\w.-]+(?=:)/, (key) => key.slice(1) || "x")),
];

function onLine(random: Random, text: string, change: (line: string) => string): string {
  const lines = text.split("\n");
  const i = at(random, lines.length);
  lines[i] = change(lines[i] ?? "");
  return lines.join("\n");
}

const VALUES: readonly unknown[] = [
  null,
  true,
  0,
  -1,
  1.5,
  1e30,
  "",
  "x",
  "*",
  "0s",
  "5s",
  "__proto__",
  [],
  [1],
  {},
  { a: 1 },
  [[]],
  "a".repeat(300),
  "\n",
];

/** A value anywhere in the documents is replaced, removed or renamed. */
function structural(random: Random, text: string): string {
  const documents = text.split(/^---\n/m);
  const i = at(random, documents.length);
  const value = parseDocument(documents[i] ?? "").toJS() as unknown;
  mutate(random, value);
  documents[i] = stringify(value);
  return documents.join("---\n");
}

function mutate(random: Random, value: unknown): void {
  if (typeof value !== "object" || value === null) return;
  const owner = value as Record<string, unknown>;
  const keys = Object.keys(owner);
  if (keys.length === 0) return;
  const key = pick(random, keys);
  if (typeof owner[key] === "object" && owner[key] !== null && random() < 0.75) return mutate(random, owner[key]);
  const what = random();
  if (what < 0.25) delete owner[key];
  else if (what < 0.5) {
    owner[`${key}${pick(random, ["s", "x", ""])}`.slice(at(random, 2))] = owner[key];
    delete owner[key];
  } else owner[key] = pick(random, VALUES);
}

// === tests ===

test("the documents that are mutated are valid, and analysis finds nothing", () => {
  const loaded = loadDocuments([{ file: FILE, text: VALID }]);
  expect([...loaded.problems, ...analyze(loaded)].map(formatProblem)).toEqual([]);
  expect(new Set(loaded.documents.map((d) => d.kind)).size).toBe(22);
  expect(loaded.documents.every((d) => d.status === "applied")).toBe(true);
});

test(`${MUTATIONS} mutations: no crash, each problem names a place`, () => {
  const seed = Number(process.env["SEED"] ?? Math.floor(seededRandom(process.pid)() * 2 ** 31));
  console.log(`config fuzz: SEED=${seed}`);
  const random = seededRandom(seed);
  let refused = 0;
  for (let i = 0; i < MUTATIONS; i++) {
    const once = random() < 0.5 ? structural(random, VALID) : pick(random, textual)(random, VALID);
    const text = random() < 0.2 ? pick(random, textual)(random, once) : once;
    const loaded = loadDocuments([{ file: "mutated.yaml", text }]);
    const problems = [...loaded.problems, ...analyze(loaded)];
    const lines = text.split("\n").length;
    for (const { place, message } of problems) {
      expect(place.file).toBe("mutated.yaml");
      expect(place.line).toBeGreaterThanOrEqual(1);
      expect(place.line).toBeLessThanOrEqual(lines);
      expect(place.column).toBeGreaterThanOrEqual(1);
      expect(message).not.toBe("");
    }
    const errors = loaded.problems.filter((p) => p.severity === "error");
    // A document that is refused says why.
    if (loaded.documents.some((d) => d.status === "refused")) expect(errors).not.toEqual([]);
    if (errors.length > 0) refused++;
  }
  expect(refused).toBeGreaterThan(MUTATIONS / 4);
}, 120_000);

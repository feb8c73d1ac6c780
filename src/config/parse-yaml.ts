/**
 * Text to trees: YAML 1.2 with several documents (JSON is a part of it), with the place of every value.
 *
 * What a file may cost is bounded before it is spent: its length, its nesting, the number of its documents, and how far its
 * aliases unfold. The parser of `yaml` is a loop, so depth is watched while it runs; its composer recurses and only sees
 * what is shallow enough. Its own check for repeated keys compares each with each, so `yaml-tree.ts` does that.
 *
 * @module
 */
import { Composer, Lexer, LineCounter, Parser, type Document } from "yaml";
import type { Place, Problem } from "../base/problem.ts";
import type { Tree } from "./tree.ts";
import { buildTree, type TreeBudget } from "./yaml-tree.ts";

export const limits = {
  maxFileBytes: 4 * 1024 * 1024,
  /** Mappings and lists inside each other. Istio's deepest field is some 12 down. */
  maxDepth: 100,
  maxDocumentsPerFile: 5_000,
  /** Values of one file, with aliases unfolded. */
  maxValuesPerFile: 500_000,
  maxProblemsPerDocument: 10,
} as const;

export interface ParsedFile {
  readonly file: string;
  readonly trees: readonly Tree[];
  readonly problems: readonly Problem[];
  /** Some document could not be parsed, so what is in it is not known. */
  readonly broken: boolean;
}

/** Parses all documents of a file. Documents beside one with a syntax error are still given. Never throws. */
export function parseYaml(file: string, text: string): ParsedFile {
  const start: Place = { file, line: 1, column: 1 };
  const refuse = (message: string, place = start): ParsedFile => ({
    file,
    trees: [],
    problems: [{ severity: "error", place, path: "", message }],
    broken: true,
  });
  const bytes = Buffer.byteLength(text);
  if (bytes > limits.maxFileBytes) return refuse(`a file may have ${limits.maxFileBytes} bytes, found ${bytes}`);
  const lines = new LineCounter();
  const placeOf = (offset: number): Place => {
    const { line, col } = lines.linePos(offset);
    return { file, line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  const composed = compose(text, lines);
  if (composed.t === "refused") return refuse(composed.message, placeOf(composed.offset));
  return collect(file, composed.documents, placeOf);
}

type Composed =
  | { readonly t: "documents"; readonly documents: readonly Document.Parsed[] }
  | { readonly t: "refused"; readonly message: string; readonly offset: number };

function compose(text: string, lines: LineCounter): Composed {
  const parser = new Parser(lines.addNewLine);
  const composer = new Composer({ uniqueKeys: false, keepSourceTokens: false });
  const documents: Document.Parsed[] = [];
  lines.addNewLine(0);
  // Each level is a collection and, in a block, the item that opens it.
  const maxStack = 2 * limits.maxDepth;
  for (const lexeme of new Lexer().lex(text)) {
    for (const token of parser.next(lexeme)) documents.push(...composer.next(token));
    const offset = parser.offset;
    if (parser.stack.length > maxStack) {
      return { t: "refused", message: `mappings and lists may be ${limits.maxDepth} deep`, offset };
    }
    if (documents.length > limits.maxDocumentsPerFile) {
      return { t: "refused", message: `a file may have ${limits.maxDocumentsPerFile} documents`, offset };
    }
  }
  for (const token of parser.end()) documents.push(...composer.next(token));
  documents.push(...composer.end(false, text.length));
  return { t: "documents", documents };
}

function collect(file: string, documents: readonly Document.Parsed[], placeOf: (offset: number) => Place): ParsedFile {
  const problems: Problem[] = [];
  const trees: Tree[] = [];
  const budget: TreeBudget = { left: limits.maxValuesPerFile, maxDepth: limits.maxDepth };
  let broken = false;
  for (const document of documents) {
    const built = buildDocument(document, placeOf, budget);
    problems.push(...built.problems);
    if (built.problems.length > 0) broken = true;
    else if (built.tree !== undefined) trees.push(built.tree);
  }
  return { file, trees, problems, broken };
}

function buildDocument(
  document: Document.Parsed,
  placeOf: (offset: number) => Place,
  budget: TreeBudget,
): { readonly tree: Tree | undefined; readonly problems: readonly Problem[] } {
  const problems: Problem[] = [];
  const report = (message: string, offset: number): void => {
    problems.push({ severity: "error", place: placeOf(offset), path: "", message });
  };
  for (const fault of [...document.errors, ...document.warnings].slice(0, limits.maxProblemsPerDocument)) {
    report(`not YAML: ${firstLine(fault.message)}`, fault.pos[0]);
  }
  if (problems.length > 0) return { tree: undefined, problems };
  const tree = buildTree(document.contents, placeOf, budget, report);
  return { tree, problems };
}

const firstLine = (message: string): string => (message.split("\n")[0] ?? "").slice(0, 200);

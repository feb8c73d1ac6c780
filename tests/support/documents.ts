/**
 * Documents in tests: read from text, with what is said about them.
 */
import { formatProblem } from "../../src/base/problem.ts";
import { loadDocuments } from "../../src/config/load.ts";

export const load = (text: string, file = "mesh.yaml") => loadDocuments([{ file, text }]);
export const errors = (text: string): string[] =>
  load(text)
    .problems.filter((p) => p.severity === "error")
    .map(formatProblem);
export const warnings = (text: string): string[] =>
  load(text)
    .problems.filter((p) => p.severity === "warning")
    .map(formatProblem);

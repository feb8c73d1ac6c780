/**
 * What is wrong with something a person wrote, and where.
 *
 * @module
 */

/** A place in a file. Lines and columns count from 1. */
export interface Place {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

export interface Problem {
  readonly severity: "error" | "warning";
  readonly place: Place;
  /** Path of the field, such as `spec.http[0].route[1].weight`; empty when the document as a whole is meant. */
  readonly path: string;
  /** What must hold and what was found: `weights must sum to 100, found 110`. */
  readonly message: string;
}

/** `reviews.yaml:12:9 spec.http[0].route[1].weight: weights must sum to 100, found 110`. */
export function formatProblem(p: Problem): string {
  const where = `${p.place.file}:${p.place.line}:${p.place.column}`;
  const severity = p.severity === "warning" ? "warning: " : "";
  return p.path === "" ? `${where} ${severity}${p.message}` : `${where} ${p.path}: ${severity}${p.message}`;
}

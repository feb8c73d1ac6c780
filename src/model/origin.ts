/**
 * Where a thing of the model was written: every rule can be traced back to a line that a person typed.
 *
 * @module
 */
import type { Place } from "../base/problem.ts";

/** The document a thing comes from. */
export interface Origin {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly place: Place;
  /** `metadata.creationTimestamp`, milliseconds since 1970; undefined where nobody stored the document. */
  readonly createdAtMs: number | undefined;
}

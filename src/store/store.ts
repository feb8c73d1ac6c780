/**
 * Where documents live and change: list and watch.
 *
 * Every implementation passes `tests/suites/store.ts`.
 *
 * @module
 */
import type { Problem } from "../base/problem.ts";
import type { Document } from "../config/document.ts";
import type { Mesh } from "../model/mesh.ts";

/** One consistent reading of all documents. Never changed: a change is a new state. */
export interface StoreState {
  /** Rises by one with each state of a store. */
  readonly generation: number;
  readonly mesh: Mesh;
  /** What is wrong in the documents themselves, and with reading them. What has an error is not in the mesh as it is written now. */
  readonly problems: readonly Problem[];
  /** What analysis says of the documents together; nothing is left out for it. */
  readonly findings: readonly Problem[];
  /** All documents; those with the status `kept` are earlier versions, which stay live until what replaces them is right. */
  readonly documents: readonly Document[];
}

export interface Store {
  /** The state now. */
  readonly current: StoreState;
  /** Calls `onChange` with the current state at once, and with each later one. Call the returned function to stop. */
  watch(onChange: (state: StoreState) => void): () => void;
  /** Ends the store's own watching; its state stays. */
  close(): void;
}

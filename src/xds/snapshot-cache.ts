/**
 * The current snapshot of each node, and who waits for the next one.
 *
 * @module
 */
import type { Snapshot } from "./snapshot.ts";

export class SnapshotCache {
  readonly #snapshots = new Map<string, Snapshot>();
  readonly #watches = new Map<string, Set<(snapshot: Snapshot) => void>>();

  get(nodeId: string): Snapshot | undefined {
    return this.#snapshots.get(nodeId);
  }

  /** Replaces a node's snapshot and tells all who watch it, before it returns. */
  set(nodeId: string, snapshot: Snapshot): void {
    if (this.#snapshots.get(nodeId) === snapshot) return;
    this.#snapshots.set(nodeId, snapshot);
    for (const tell of Array.from(this.#watches.get(nodeId) ?? [])) tell(snapshot);
  }

  /** Forgets a node. Those who watch it keep what they have. */
  delete(nodeId: string): void {
    this.#snapshots.delete(nodeId);
  }

  /** Calls `tell` with each later snapshot of the node. @returns What ends the watch. */
  watch(nodeId: string, tell: (snapshot: Snapshot) => void): () => void {
    const watches = this.#watches.get(nodeId) ?? new Set();
    this.#watches.set(nodeId, watches);
    watches.add(tell);
    return () => {
      watches.delete(tell);
      if (watches.size === 0) this.#watches.delete(nodeId);
    };
  }
}

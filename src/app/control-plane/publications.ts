/**
 * Versions of the whole configuration, and how far the proxies have got. No I/O.
 *
 * A version rises when a publishing changes what at least one proxy should have. A proxy is at a version when it has
 * acknowledged all that the version holds for it; one for which nothing changed is there at once.
 *
 * @module
 */

export interface Publication {
  /** 1 and up. */
  readonly version: number;
  /** When the change was noticed, and when it was published. Milliseconds since 1970. */
  readonly noticedMs: number;
  readonly publishedMs: number;
  readonly cause: PublishCause;
  /** Proxies for which it changed something. */
  readonly changed: number;
  /** When the last proxy acknowledged it; undefined while one has not. */
  readonly convergedMs: number | undefined;
}

export type PublishCause = "start" | "documents" | "instances" | "proxy";

/** A proxy that has just reached a version. */
export interface Reached {
  readonly nodeId: string;
  readonly tookMs: number;
}

const MAX_HISTORY = 20;

interface NodeProgress {
  /** The version that last changed something for it. */
  readonly changedAt: number;
  /** The latest version that it has acknowledged; 0 for none. */
  acknowledged: number;
}

export class Publications {
  #history: readonly Publication[] = [];
  readonly #nodes = new Map<string, NodeProgress>();

  /** Undefined before the first. */
  get latest(): Publication | undefined {
    return this.#history.at(-1);
  }

  /** The last ones, newest last. */
  get history(): readonly Publication[] {
    return this.#history;
  }

  /** The version that a node has acknowledged; 0 for none. */
  acknowledged(nodeId: string): number {
    return this.#nodes.get(nodeId)?.acknowledged ?? 0;
  }

  /** Proxies that are at the latest version. */
  get upToDate(): number {
    const version = this.latest?.version ?? 0;
    return [...this.#nodes.values()].filter((n) => n.acknowledged === version && version > 0).length;
  }

  /**
   * @param nodeIds All proxies.
   * @param changed Those for which something changed; when there are none, there is no new version.
   */
  publish(
    nodeIds: readonly string[],
    changed: ReadonlySet<string>,
    about: Pick<Publication, "noticedMs" | "publishedMs" | "cause">,
  ): void {
    const known = new Set(nodeIds);
    for (const nodeId of this.#nodes.keys()) if (!known.has(nodeId)) this.#nodes.delete(nodeId);
    if (changed.size === 0) return this.#settle(about.publishedMs);
    const before = this.latest?.version ?? 0;
    const version = before + 1;
    for (const nodeId of nodeIds) {
      const node = this.#nodes.get(nodeId);
      if (node === undefined || changed.has(nodeId))
        this.#nodes.set(nodeId, { changedAt: version, acknowledged: node?.acknowledged ?? 0 });
      else if (node.acknowledged === before) node.acknowledged = version;
    }
    const publication: Publication = { version, ...about, changed: changed.size, convergedMs: undefined };
    this.#history = [...this.#history, publication].slice(-MAX_HISTORY);
  }

  /** These proxies have all that they should have now. @returns Those that had not before. */
  synced(nodeIds: Iterable<string>, wallMs: number): readonly Reached[] {
    const { latest } = this;
    if (latest === undefined) return [];
    const reached: Reached[] = [];
    for (const nodeId of nodeIds) {
      const node = this.#nodes.get(nodeId);
      if (node === undefined || node.acknowledged === latest.version) continue;
      const cause = this.#history.find((p) => p.version === node.changedAt);
      // A proxy that comes late is not a slow one: only what it was connected for counts.
      if (cause !== undefined && node.acknowledged > 0) reached.push({ nodeId, tookMs: wallMs - cause.noticedMs });
      node.acknowledged = latest.version;
    }
    this.#settle(wallMs);
    return reached;
  }

  #settle(wallMs: number): void {
    if (this.#nodes.size === 0) return;
    const least = Math.min(...Array.from(this.#nodes.values(), (n) => n.acknowledged));
    this.#history = this.#history.map((p) =>
      p.convergedMs === undefined && p.version <= least ? { ...p, convergedMs: wallMs } : p,
    );
  }
}

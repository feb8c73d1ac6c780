/**
 * Brings what the documents say and what runs to the proxies: model, resources, one snapshot a proxy.
 *
 * Changes that come together are published together, at most `debounceMs` after the first of them.
 *
 * @module
 */
import type { Clock, Timer } from "../../base/clock.ts";
import type { Log } from "../../base/log.ts";
import type { Mesh, MeshSettings } from "../../model/mesh.ts";
import type { TranslateOptions } from "../../translate/options.ts";
import type { Sources } from "../../translate/source.ts";
import { Parts } from "../../translate/parts.ts";
import { reconcile } from "../../translate/reconcile.ts";
import { type MeshState, translateLists } from "../../translate/translate.ts";
import { Snapshot } from "../../xds/snapshot.ts";
import type { SnapshotCache } from "../../xds/snapshot-cache.ts";
import type { InstanceRegistry } from "./instance-registry.ts";
import { Publications, type PublishCause } from "./publications.ts";
import { messageLists } from "./resource-messages.ts";
import { type MeshProxy, rosterOf } from "./roster.ts";

export interface PublisherOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly cache: SnapshotCache;
  readonly registry: InstanceRegistry;
  /** The mesh that holds now; the same value as long as it has not changed. */
  readonly mesh: () => Mesh;
  /** What node ids and identities are made with. */
  readonly settings: MeshSettings;
  readonly translate: TranslateOptions;
  readonly debounceMs: number;
  readonly onPublished: (cause: PublishCause) => void;
}

/** What is asked for and has not been done yet. */
interface Waiting {
  readonly timer: Timer;
  readonly cause: PublishCause;
  readonly noticedMs: number;
}

export class Publisher {
  readonly publications = new Publications();
  readonly #options: PublisherOptions;
  #roster: readonly MeshProxy[] = [];
  #done: MeshState | undefined;
  /** The last mesh, and what was made of it: whatever had not changed is the value of the one before. */
  #given: { readonly mesh: Mesh; readonly reconciled: Mesh } | undefined;
  readonly #parts = new Parts();
  readonly #sources = new Map<string, Sources>();
  readonly #failures = new Map<string, string>();
  #waiting: Waiting | undefined;

  constructor(options: PublisherOptions) {
    this.#options = options;
  }

  /** The proxies that the mesh should have, as last published. */
  get roster(): readonly MeshProxy[] {
    return this.#roster;
  }

  /** Where things come from that a node's resources do not say themselves. */
  sourcesOf(nodeId: string): Sources | undefined {
    return this.#sources.get(nodeId);
  }

  /** Why a node's resources could not be made, by node: these nodes keep what they had. */
  get failures(): ReadonlyMap<string, string> {
    return this.#failures;
  }

  /** Publishes soon. */
  request(cause: PublishCause): void {
    if (this.#waiting !== undefined) return;
    const { clock, debounceMs } = this.#options;
    const timer = clock.after(debounceMs, () => this.flush());
    this.#waiting = { timer, cause, noticedMs: clock.wallMs() };
  }

  /** Publishes what waits, at once. */
  flush(): void {
    const waiting = this.#waiting;
    if (waiting === undefined) return;
    this.#waiting = undefined;
    waiting.timer.cancel();
    this.#publish(waiting.cause, waiting.noticedMs);
  }

  stop(): void {
    this.#waiting?.timer.cancel();
    this.#waiting = undefined;
  }

  #publish(cause: PublishCause, noticedMs: number): void {
    const { registry, clock, log } = this.#options;
    const mesh = this.#reconciled(this.#options.mesh());
    registry.refresh(mesh);
    const state = { mesh, instances: registry.instances };
    const before = this.#roster;
    this.#roster = rosterOf(registry, this.#options.settings);
    this.#forget(before);
    const changed = new Set(this.#roster.filter((proxy) => this.#renew(proxy, state)).map((p) => p.nodeId));
    if (this.#done?.mesh !== mesh || this.#done.instances !== state.instances) this.#parts.sweep();
    this.#done = state;
    const publishedMs = clock.wallMs();
    const nodeIds = this.#roster.map((p) => p.nodeId);
    this.publications.publish(nodeIds, changed, { noticedMs, publishedMs, cause });
    if (changed.size > 0)
      log.info("published", {
        version: this.publications.latest?.version,
        cause,
        changed: changed.size,
        proxies: nodeIds.length,
      });
    this.#options.onPublished(cause);
  }

  /** The same value for the same mesh. */
  #reconciled(mesh: Mesh): Mesh {
    if (mesh !== this.#given?.mesh) {
      const reconciled = this.#given === undefined ? mesh : reconcile(this.#given.reconciled, mesh);
      this.#given = { mesh, reconciled };
    }
    return this.#given.reconciled;
  }

  #forget(before: readonly MeshProxy[]): void {
    const now = new Set(this.#roster.map((p) => p.nodeId));
    for (const { nodeId } of before) {
      if (now.has(nodeId)) continue;
      this.#options.cache.delete(nodeId);
      this.#sources.delete(nodeId);
      this.#failures.delete(nodeId);
    }
  }

  /** Whether the proxy's resources are others now. */
  #renew(proxy: MeshProxy, state: MeshState): boolean {
    const { cache, log } = this.#options;
    const { nodeId } = proxy;
    const before = cache.get(nodeId);
    const same = this.#done?.mesh === state.mesh && this.#done.instances === state.instances;
    if (same && before !== undefined && proxy.target.t === "sidecar") return false;
    try {
      const resources = translateLists(state, proxy.target, this.#options.translate, this.#parts);
      const snapshot = Snapshot.ofLists(messageLists(resources), before);
      this.#sources.set(nodeId, resources.sources);
      this.#failures.delete(nodeId);
      if (before?.equals(snapshot) === true) return false;
      cache.set(nodeId, snapshot);
      return true;
    } catch (error) {
      // One proxy's trouble must not keep the news from the others.
      const reason = error instanceof Error ? error.message : String(error);
      this.#failures.set(nodeId, reason);
      log.error("a proxy's resources could not be made, it keeps what it had", { node: nodeId, reason });
      return false;
    }
  }
}

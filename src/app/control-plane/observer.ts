/**
 * Follows what the proxies do with what they are sent: who has acknowledged what, how long it took, what is counted.
 *
 * @module
 */
import type { Clock, Timer } from "../../base/clock.ts";
import type { AdsServer } from "../../xds/server/ads-server.ts";
import type { SnapshotCache } from "../../xds/snapshot-cache.ts";
import { PushMeter, shortType, syncedNodes } from "./convergence.ts";
import type { ControlPlaneMetrics } from "./metrics.ts";
import type { Publications } from "./publications.ts";

export interface ObserverOptions {
  readonly clock: Clock;
  readonly ads: AdsServer;
  readonly cache: SnapshotCache;
  readonly publications: Publications;
  readonly metrics: ControlPlaneMetrics;
}

/** Answers of many proxies come together; they are looked at together. */
const LOOK_AFTER_MS = 5;

export class Observer {
  readonly #options: ObserverOptions;
  readonly #pushes = new PushMeter();
  #timer: Timer | undefined;

  constructor(options: ObserverOptions) {
    this.#options = options;
  }

  /** Something has happened. */
  lookSoon(): void {
    this.#timer ??= this.#options.clock.after(LOOK_AFTER_MS, () => this.look());
  }

  look(): void {
    this.stop();
    const { ads, cache, publications, metrics, clock } = this.#options;
    const { clients } = ads;
    for (const { tookMs } of publications.synced(syncedNodes(clients, cache), clock.wallMs()))
      metrics.convergence.observe(tookMs / 1000);
    for (const [typeUrl, pushes] of this.#pushes.read(clients)) metrics.pushed(shortType(typeUrl), pushes);
    metrics.connected.set(new Set(clients.map((c) => c.nodeId)).size);
  }

  rejected(typeUrl: string): void {
    this.#options.metrics.rejected(shortType(typeUrl));
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }
}

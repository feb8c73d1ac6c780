/**
 * The proxies of a mesh as the control plane sees them: a delta stream each that takes everything and answers at once.
 *
 * @module
 */
import { TypeUrl } from "../../src/xds/resources.ts";
import type { Snapshot } from "../../src/xds/snapshot.ts";
import { AdsStream } from "../../src/xds/server/ads-stream.ts";
import type { DeltaRequest, DeltaSubscription } from "../../src/xds/server/delta-subscription.ts";
import { delta } from "../../src/xds/server/variant.ts";

const WILDCARDS: readonly string[] = [TypeUrl.cds, TypeUrl.lds];
const BY_NAME: readonly string[] = [TypeUrl.eds, TypeUrl.rds, TypeUrl.sds];

export class BenchProxy {
  bytes = 0;
  resources = 0;
  readonly #stream = new AdsStream<DeltaRequest, DeltaSubscription>({
    ...delta,
    makeSubscription: (typeUrl) => delta.makeSubscription(typeUrl, false),
    orderTimeoutMs: 5000,
  });
  readonly #asked = new Set<string>();

  constructor() {
    for (const typeUrl of WILDCARDS) this.#request(typeUrl, {});
  }

  take(snapshot: Snapshot): void {
    this.#stream.change(snapshot);
    this.#push();
    for (const typeUrl of BY_NAME) this.#follow(typeUrl, snapshot);
    this.#push();
  }

  #follow(typeUrl: string, snapshot: Snapshot): void {
    const fresh = [...snapshot.get(typeUrl).keys()].filter((name) => !this.#asked.has(`${typeUrl} ${name}`));
    for (const name of fresh) this.#asked.add(`${typeUrl} ${name}`);
    if (fresh.length > 0) this.#request(typeUrl, { subscribe: fresh });
  }

  #push(): void {
    for (;;) {
      const pushes = this.#stream.pushes(0);
      if (pushes.length === 0) return;
      for (const push of pushes) {
        this.bytes += delta.encode(push).length;
        this.resources += push.resources.length + push.removed.length;
        this.#request(push.typeUrl, { nonce: push.nonce });
      }
    }
  }

  #request(typeUrl: string, request: Partial<DeltaRequest>): void {
    const nothing = { nonce: "", error: undefined, subscribe: [], unsubscribe: [], initialVersions: {} };
    this.#stream.request(typeUrl, { ...nothing, ...request }, 0);
  }
}

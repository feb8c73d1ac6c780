/**
 * The copies of one request: made when it has its route, fed with its body, on their own once it is complete.
 *
 * @module
 */
import type { Forward } from "../engine/http.ts";
import type { Mirror } from "../engine/http/mirrors.ts";
import type { RequestHead } from "../wire/http1/request-head.ts";
import type { Trailers } from "../wire/http1/trailers.ts";
import type { ExchangeRecord } from "./exchange-record.ts";
import { mirrorHead, shadowAuthority } from "./mirror-head.ts";
import { MirrorRequest } from "./mirror-request.ts";
import type { RequestBuffer } from "./request-buffer.ts";

export class Mirroring {
  readonly #copies: readonly MirrorRequest[];
  /** What there was of the body before they began. */
  #first: readonly Uint8Array[];

  private constructor(copies: readonly MirrorRequest[], first: readonly Uint8Array[]) {
    this.#copies = copies;
    this.#first = first;
  }

  /**
   * Of a request before its first attempt, which may take `body` with it. A mirror whose cluster is not there is none, as
   * in Envoy.
   */
  static of(exchange: ExchangeRecord, forward: Forward, body: RequestBuffer): Mirroring | undefined {
    const head = mirrorHead(exchange);
    if (head === undefined) return undefined;
    const idleMs = forward.route.idleTimeoutMs ?? exchange.context.http.settings.streamIdleTimeoutMs;
    const copies = (forward.mirrors ?? []).flatMap((mirror) => copyFor(mirror, exchange, head, idleMs) ?? []);
    return copies.length === 0 ? undefined : new Mirroring(copies, body.chunks.map(copied));
  }

  /** @param isComplete All of the request is here. */
  begin(isComplete: boolean, trailers: Trailers | undefined): void {
    for (const copy of this.#copies) {
      for (const chunk of this.#first) copy.write(chunk);
      if (isComplete) copy.end(trailers);
      copy.begin();
    }
    this.#first = [];
  }

  /** More of the body, which stays the caller's. */
  write(buf: Uint8Array, start: number, end: number): void {
    if (start === end) return;
    const chunk = copied(buf.subarray(start, end));
    for (const copy of this.#copies) copy.write(chunk);
  }

  end(trailers: Trailers | undefined): void {
    for (const copy of this.#copies) copy.end(trailers);
  }

  /** The request ended before it was complete. */
  cancel(): void {
    for (const copy of this.#copies) copy.cancel();
  }
}

function copyFor(
  { clusterName, keepsAuthority }: Mirror,
  exchange: ExchangeRecord,
  head: RequestHead,
  idleMs: number,
): MirrorRequest | undefined {
  const cluster = exchange.context.clusters.get(clusterName);
  const authority = keepsAuthority ? exchange.authority : shadowAuthority(exchange.authority);
  return cluster === undefined ? undefined : new MirrorRequest(exchange, cluster, head, authority, idleMs);
}

/** In memory of its own: what it is copied from may be freed at any moment. */
function copied(view: Uint8Array): Uint8Array {
  const copy = Buffer.allocUnsafeSlow(view.length);
  copy.set(view);
  return copy;
}

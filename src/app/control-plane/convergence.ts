/**
 * Which connected proxies have what they should, and what was sent to them: read from the discovery server's own account of
 * its streams.
 *
 * @module
 */
import { TypeUrl } from "../../xds/resources.ts";
import type { CallHandler, Method } from "../../xds/grpc-server.ts";
import type { ClientStatus, TypeStatus } from "../../xds/server/status.ts";
import type { SnapshotCache } from "../../xds/snapshot-cache.ts";

/** The same methods; `after` is called each time a client has said something or has gone. */
export function observed(
  methods: Readonly<Record<string, Method>>,
  after: () => void,
): Readonly<Record<string, Method>> {
  const wrap =
    (method: Method): Method =>
    (call) => {
      const handler = method(call);
      return {
        onMessage(message) {
          handler.onMessage(message);
          after();
        },
        onHalfClose: () => handler.onHalfClose(),
        onClosed() {
          handler.onClosed();
          after();
        },
      } satisfies CallHandler;
    };
  return Object.fromEntries(Object.entries(methods).map(([path, method]) => [path, wrap(method)]));
}

/** Nodes whose streams have all been accepted. */
export function syncedNodes(clients: readonly ClientStatus[], cache: SnapshotCache): readonly string[] {
  const nodes = new Map<string, boolean>();
  for (const { nodeId, types } of clients) {
    const snapshot = cache.get(nodeId);
    const done = types.length > 0 && types.every((t) => isDone(t, snapshot?.get(t.typeUrl).size ?? 0));
    nodes.set(nodeId, done && (nodes.get(nodeId) ?? true));
  }
  return [...nodes].flatMap(([nodeId, done]) => (done ? [nodeId] : []));
}

/** State-of-the-world has no way to say that there is nothing, so nothing is waited for then. */
const isDone = ({ state }: TypeStatus, resources: number): boolean =>
  state === "synced" || (state === "waiting" && resources === 0);

const SHORT = new Map<string, string>(Object.entries(TypeUrl).map(([name, url]) => [url, name]));

/** `cds`, `eds`, `lds`, `rds`, `sds`; another type's URL as it is. */
export const shortType = (typeUrl: string): string => SHORT.get(typeUrl) ?? typeUrl;

/** Turns the counts of streams, which go when a stream goes, into counts that only rise. */
export class PushMeter {
  #seen = new Map<string, number>();

  /** Pushes since the last call, by type URL. */
  read(clients: readonly ClientStatus[]): ReadonlyMap<string, number> {
    const rises = new Map<string, number>();
    const totals = new Map<string, number>();
    for (const { nodeId, remote, connectedSinceMs, types } of clients) {
      for (const { typeUrl, pushes } of types) {
        const stream = JSON.stringify([nodeId, remote, connectedSinceMs, typeUrl]);
        totals.set(stream, (totals.get(stream) ?? 0) + pushes);
        const rise = pushes - (this.#seen.get(stream) ?? 0);
        if (rise > 0) rises.set(typeUrl, (rises.get(typeUrl) ?? 0) + rise);
      }
    }
    this.#seen = totals;
    return rises;
  }
}

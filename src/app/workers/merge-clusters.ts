/**
 * What several workers know of the same clusters, as one.
 *
 * @module
 */
import type { ClusterView, EndpointStats, EndpointView } from "../../admin/proxy-admin-source.ts";

/** Counts add up; an endpoint that any worker has ejected is shown as ejected, and what any check says of it is shown. */
export function mergeClusters(workers: readonly (readonly ClusterView[])[]): ClusterView[] {
  const merged = new Map<string, ClusterView>();
  for (const clusters of workers)
    for (const cluster of clusters) {
      const known = merged.get(cluster.name);
      merged.set(cluster.name, known === undefined ? cluster : { ...cluster, endpoints: endpointsOf(known, cluster) });
    }
  return [...merged.values()];
}

function endpointsOf(a: ClusterView, b: ClusterView): EndpointView[] {
  const merged = new Map<string, EndpointView>();
  for (const endpoint of [...a.endpoints, ...b.endpoints]) {
    const { path, address, port, priority } = endpoint;
    const key = `${priority} ${path ?? `${address}:${port}`}`;
    const known = merged.get(key);
    merged.set(key, known === undefined ? endpoint : both(known, endpoint));
  }
  return [...merged.values()];
}

function both(a: EndpointView, b: EndpointView): EndpointView {
  const sum = (key: keyof EndpointStats): number => a.stats[key] + b.stats[key];
  return {
    ...b,
    ejected: a.ejected || b.ejected,
    checkFlags: [...new Set([...(a.checkFlags ?? []), ...(b.checkFlags ?? [])])],
    stats: {
      cxActive: sum("cxActive"),
      cxConnectFail: sum("cxConnectFail"),
      cxTotal: sum("cxTotal"),
      rqActive: sum("rqActive"),
      rqError: sum("rqError"),
      rqSuccess: sum("rqSuccess"),
      rqTimeout: sum("rqTimeout"),
      rqTotal: sum("rqTotal"),
    },
  };
}

/**
 * What all callers of one scope have: the clusters of what they call, and the routes of their forward proxies. Made once for each mesh and list of
 * instances, however many proxies have it; each list stays the same value as long as nothing in it changes.
 *
 * @module
 */
import type { Cluster } from "../xds/proto/cluster.ts";
import type { ClusterLoadAssignment } from "../xds/proto/endpoint.ts";
import type { RouteConfiguration } from "../xds/proto/route.ts";
import type { Secret } from "../xds/proto/tls.ts";
import { boundRoutes } from "./bound-listeners.ts";
import { keptFor } from "./keep.ts";
import type { TranslateOptions } from "./options.ts";
import { outboundClusters } from "./outbound-clusters.ts";
import { outboundRoutes } from "./outbound-routes.ts";
import type { Parts } from "./parts.ts";
import { type Scope, scopeKey } from "./scope.ts";
import { type Source, sourceOf, type Sources } from "./source.ts";
import type { MeshState } from "./translate.ts";
import { visibleMesh } from "./visible-mesh.ts";

export interface OutboundResources {
  readonly clusters: readonly Cluster[];
  /** Of the clusters that are filled apart. */
  readonly endpoints: readonly ClusterLoadAssignment[];
  /** What they show, and what they check others by. */
  readonly secrets: readonly Secret[];
  readonly sources: Sources["clusters"];
}

export function outboundOf(state: MeshState, scope: Scope, options: TranslateOptions, parts: Parts): OutboundResources {
  const key = `clusters ${scopeKey(scope)} ${JSON.stringify([options.clusterId, options.systemRootsFile])}`;
  return keptFor(state).byState(key, () => {
    const mesh = visibleMesh(state.mesh, scope);
    const made = outboundClusters(mesh, state.instances, scope, options, parts);
    const filled = made.filter(({ cluster }) => cluster.type === "EDS").map(({ endpoints }) => endpoints);
    const sources = made.flatMap(({ cluster, rule }): readonly (readonly [string, Source])[] =>
      rule === undefined ? [] : [[cluster.name ?? "", sourceOf(rule.origin)]],
    );
    return {
      clusters: parts.list(
        `list of ${key}`,
        mesh,
        made.map((it) => it.cluster),
      ),
      endpoints: parts.list(`endpoints of ${key}`, mesh, filled),
      secrets: made.flatMap(({ secrets }) => secrets),
      sources: Object.fromEntries(sources),
    };
  });
}

/** The routes of a workload's forward proxy, and of the listeners that its Sidecar binds. */
export function forwardRoutes(
  { mesh, instances }: MeshState,
  scope: Scope,
  parts: Parts,
): readonly RouteConfiguration[] {
  const key = `routes ${scopeKey(scope)}`;
  return keptFor({ mesh, instances }).byMesh(key, () => {
    const seen = visibleMesh(mesh, scope);
    const all = outboundRoutes(seen, scope, parts);
    return parts.list(`list of ${key}`, seen, [all, ...boundRoutes(all, scope)]);
  });
}

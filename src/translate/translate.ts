/**
 * The model to the xDS resources of one proxy. Pure: equal input gives equal output, so contents can be hashed for versions.
 *
 * What depends on the mesh alone (route configurations) is kept for each mesh value, and what depends on what runs (clusters, endpoints) for each
 * mesh and list of instances: proxies that see the same share it, and one that is asked for again costs a lookup. Over changes of the mesh the
 * clusters and the routes of each service are kept as long as nothing changed that they were made from (`parts.ts`).
 *
 * @module
 */
import type { Mesh } from "../model/mesh.ts";
import { type Instance, isCaptured } from "../model/service.ts";
import type { Cluster } from "../xds/proto/cluster.ts";
import type { ClusterLoadAssignment } from "../xds/proto/endpoint.ts";
import type { Listener } from "../xds/proto/listener.ts";
import type { RouteConfiguration } from "../xds/proto/route.ts";
import type { Secret } from "../xds/proto/tls.ts";
import { capturedResources } from "./captured/captured.ts";
import { PASSTHROUGH_CLUSTER, passthroughCluster } from "./discovery.ts";
import { udpClusters } from "./gateway-api/datagrams.ts";
import { gatewayResources } from "./gateway/gateway.ts";
import { sniClusters } from "./gateway/sni-clusters.ts";
import { keptFor } from "./keep.ts";
import { localAssignment, localCluster, looksAtZones } from "./local-cluster.ts";
import type { TranslateOptions } from "./options.ts";
import { forwardRoutes, outboundOf, type OutboundResources } from "./outbound.ts";
import { outboundPolicyOf } from "./outbound-policy.ts";
import { inboundOf, outboundListeners, type Served, serviceRoutes } from "./own-resources.ts";
import { Parts } from "./parts.ts";
import type { EffectiveMtls } from "../model/peer-authentication.ts";
import { type Scope, sharedScope, sidecarScope } from "./scope.ts";
import { sourceOf, type Sources } from "./source.ts";
import { visibleMesh } from "./visible-mesh.ts";

/** What was said, and what runs. Give the same values again as long as they have not changed. */
export interface MeshState {
  readonly mesh: Mesh;
  readonly instances: readonly Instance[];
}

export type ProxyTarget =
  /** The proxy of one instance. */
  | { readonly t: "sidecar"; readonly instance: string }
  /** One proxy for several instances, each with its own identity. */
  | { readonly t: "shared"; readonly instances: readonly string[] };

/** Names are unique in each list. */
export interface ProxyResources {
  readonly listeners: readonly Listener[];
  readonly routes: readonly RouteConfiguration[];
  readonly clusters: readonly Cluster[];
  readonly endpoints: readonly ClusterLoadAssignment[];
  /** What a gateway shows to clients, and what this proxy's calls need of Secrets. They hold private keys. */
  readonly secrets: readonly Secret[];
  readonly sources: Sources;
}

/**
 * The same in lists of which proxies share some, and which stay the same values as long as nothing in them changes: what is made of a list can be
 * kept with it.
 */
export interface ResourceLists {
  readonly listeners: readonly (readonly Listener[])[];
  readonly routes: readonly (readonly RouteConfiguration[])[];
  readonly clusters: readonly (readonly Cluster[])[];
  readonly endpoints: readonly (readonly ClusterLoadAssignment[])[];
  readonly secrets: readonly (readonly Secret[])[];
  readonly sources: Sources;
}

/**
 * The resources of `target`.
 *
 * @param parts What former calls made: what has not changed since is taken from there. The result is the same without.
 * @throws {Error} If an instance of `target` is not in `state`.
 */
export function translate(
  state: MeshState,
  target: ProxyTarget,
  options: TranslateOptions,
  parts = new Parts(),
): ProxyResources {
  const { listeners, routes, clusters, endpoints, secrets, sources } = translateLists(state, target, options, parts);
  return {
    listeners: listeners.flat(),
    routes: routes.flat(),
    clusters: clusters.flat(),
    endpoints: endpoints.flat(),
    secrets: secrets.flat(),
    sources,
  };
}

/** As {@link translate}. */
export function translateLists(
  state: MeshState,
  target: ProxyTarget,
  options: TranslateOptions,
  parts: Parts,
): ResourceLists {
  if (target.t === "sidecar") {
    const instance = instanceOf(state, target.instance);
    if (instance.workload.gateway !== undefined) return translateGateway(state, instance, options, parts);
    if (isCaptured(instance)) return translateCaptured(state, instance, options, parts);
  }
  const { mesh } = state;
  const shared = target.t === "shared";
  const served = (shared ? target.instances : [target.instance]).map((id): Served => {
    const instance = instanceOf(state, id);
    if (isCaptured(instance))
      throw new Error(
        `cannot translate for instance ${id}: a captured workload needs a proxy of its own, and it is shared`,
      );
    return { instance, scope: (shared ? sharedScope : sidecarScope)(mesh, instance) };
  });
  const calling = served.filter(({ instance }) => instance.outbound !== undefined);
  const scopes = [...new Map(calling.map(({ scope }) => [scope.outboundSuffix, scope])).values()];
  // What a sidecar's bootstrap names must be there, whoever asks for it.
  const asking = shared && !looksAtZones(mesh) ? [] : placed(shared ? calling : served);
  const outbound = scopes.map((scope) => outboundOf(state, scope, options, parts));
  const inbound = served.map((it) => inboundOf(mesh, it, shared, options, parts));
  const listening = inbound.flatMap(({ listeners }) => listeners);
  const id = shared ? `proxy ${target.instances.join()}` : `sidecar ${target.instance}`;
  const own = [...listening.map(({ listener }) => listener), ...outboundListeners(mesh, calling, options, parts)];
  return {
    listeners: [parts.list(`listeners of ${id}`, mesh, own)],
    routes: [
      ...scopes.map((scope) => forwardRoutes(state, scope, parts)),
      parts.list(`routes of ${id}`, mesh, serviceRoutes(mesh, calling, parts)),
    ],
    clusters: [
      ...inbound.map(({ clusters }) => clusters),
      ...outbound.map(({ clusters }) => clusters),
      passthrough(state, scopes, parts),
      parts.list(`local clusters of ${id}`, mesh, shared ? asking.map(({ scope }) => localCluster(scope)) : []),
    ],
    endpoints: [...outbound.map(({ endpoints }) => endpoints), peersOf(state, asking, id, options, parts)],
    secrets: [secretsOf(`secrets of ${id}`, mesh, [], outbound, parts)],
    sources: {
      policies: Object.assign({}, ...listening.map(({ policySources }) => policySources)),
      clusters: merged(outbound.map(({ sources }) => sources)),
      inboundModes: Object.fromEntries(listening.map(({ listener, mtls }) => [listener.name ?? "", modeOf(mtls)])),
    },
  };
}

function translateGateway(
  state: MeshState,
  instance: Instance,
  options: TranslateOptions,
  parts: Parts,
): ResourceLists {
  const scope = sidecarScope(state.mesh, instance);
  const outbound = outboundOf(state, scope, options, parts);
  const mesh = visibleMesh(state.mesh, scope);
  const { listeners, routes, secrets, policySources } = gatewayResources(mesh, instance, scope, options, parts);
  const named = sniClusters(mesh, state.instances, instance.workload, scope, options, parts);
  const udp = udpClusters(mesh, state.instances, instance.workload, scope, options);
  const filled = [...named, ...udp.filter(({ cluster }) => cluster.type === "EDS")];
  const list = <T>(of: string, items: readonly T[]): readonly T[] =>
    parts.list(`${of} of gateway ${instance.id}`, mesh, items);
  return {
    listeners: [list("listeners", listeners)],
    routes: [list("routes", routes)],
    secrets: [secretsOf(`secrets of gateway ${instance.id}`, mesh, secrets, [outbound], parts)],
    clusters: [
      outbound.clusters,
      list(
        "clusters",
        [...named, ...udp].map((it) => it.cluster),
      ),
    ],
    endpoints: [
      outbound.endpoints,
      list(
        "endpoints",
        filled.map((it) => it.endpoints),
      ),
      peersOf(state, placed([{ instance, scope }]), `gateway ${instance.id}`, options, parts),
    ],
    sources: { inboundModes: {}, clusters: outbound.sources, policies: policySources },
  };
}

function translateCaptured(
  state: MeshState,
  instance: Instance,
  options: TranslateOptions,
  parts: Parts,
): ResourceLists {
  const { mesh, instances } = state;
  const scope = sidecarScope(mesh, instance);
  const seen = visibleMesh(mesh, scope);
  const outbound = outboundOf(state, scope, options, parts);
  const [routes] = forwardRoutes(state, scope, parts);
  if (routes === undefined) throw new Error(`the routes of instance ${instance.id} are missing`);
  const own = capturedResources({ mesh, seen, instance, instances, scope, options, routes });
  const id = `captured ${instance.id}`;
  return {
    listeners: [parts.list(`listeners of ${id}`, mesh, own.listeners)],
    routes: [parts.list(`routes of ${id}`, mesh, own.routes)],
    clusters: [parts.list(`clusters of ${id}`, mesh, own.clusters), outbound.clusters],
    endpoints: [outbound.endpoints, peersOf(state, placed([{ instance, scope }]), id, options, parts)],
    secrets: [secretsOf(`secrets of ${id}`, mesh, [], [outbound], parts)],
    sources: {
      clusters: outbound.sources,
      policies: Object.assign({}, ...own.inbound.map(([, { policySources }]) => policySources)),
      inboundModes: Object.fromEntries(own.inbound.map(([name, { mtls }]) => [name, modeOf(mtls)])),
    },
  };
}

const INSTANCES = new WeakMap<readonly Instance[], ReadonlyMap<string, Instance>>();

function instanceOf({ instances }: MeshState, id: string): Instance {
  const byId = INSTANCES.get(instances) ?? new Map(instances.map((instance) => [instance.id, instance]));
  INSTANCES.set(instances, byId);
  const found = byId.get(id);
  if (found === undefined)
    throw new Error(`cannot translate for instance ${JSON.stringify(id)}: the mesh has none of that id`);
  return found;
}

function passthrough(state: MeshState, scopes: readonly Scope[], parts: Parts): readonly Cluster[] {
  const { mesh } = state;
  if (scopes.every((scope) => outboundPolicyOf(mesh, scope) !== "ALLOW_ANY")) return [];
  const make = (seen: Mesh): readonly Cluster[] => [passthroughCluster(seen)];
  return keptFor(state).byMesh(PASSTHROUGH_CLUSTER, () => parts.of("clusters", PASSTHROUGH_CLUSTER, mesh, [], make));
}

/** The endpoints of the callers' own services, where anyone says where they run: a sidecar's bootstrap names their cluster. */
function peersOf(
  { mesh, instances }: MeshState,
  served: readonly Served[],
  id: string,
  { clusterId }: TranslateOptions,
  parts: Parts,
): readonly ClusterLoadAssignment[] {
  const made = served.map(({ instance, scope }) =>
    localAssignment(mesh, instances, instance.workload, scope, clusterId),
  );
  return parts.list(`peers of ${id}`, mesh, made);
}

/** One for each scope. */
const placed = (served: readonly Served[]): readonly Served[] => [
  ...new Map(
    served.filter((it) => it.scope.locality !== undefined).map((it) => [it.scope.outboundSuffix, it]),
  ).values(),
];

/** One of each name: a Secret may be for clients and for servers. */
function secretsOf(
  name: string,
  mesh: Mesh,
  own: readonly Secret[],
  outbound: readonly OutboundResources[],
  parts: Parts,
): readonly Secret[] {
  const all = [...own, ...outbound.flatMap(({ secrets }) => secrets)];
  return parts.list(name, mesh, [...new Map(all.map((it) => [it.name, it])).values()]);
}

const merged = (all: readonly Sources["clusters"][]): Sources["clusters"] =>
  all.length === 1 && all[0] !== undefined ? all[0] : Object.assign({}, ...all);

const modeOf = ({ mode, policy }: EffectiveMtls): Sources["inboundModes"][string] => ({
  mode,
  source: policy && sourceOf(policy.origin),
});

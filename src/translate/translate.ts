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
import type { Instance } from "../model/service.ts";
import type { Cluster } from "../xds/proto/cluster.ts";
import type { ClusterLoadAssignment } from "../xds/proto/endpoint.ts";
import type { Listener } from "../xds/proto/listener.ts";
import type { RouteConfiguration } from "../xds/proto/route.ts";
import type { Secret } from "../xds/proto/tls.ts";
import { boundListeners, boundRoutes, ofOneCaller } from "./bound-listeners.ts";
import { PASSTHROUGH_CLUSTER, passthroughCluster } from "./discovery.ts";
import { udpClusters } from "./gateway-api/datagrams.ts";
import { gatewayResources } from "./gateway/gateway.ts";
import { sniClusters } from "./gateway/sni-clusters.ts";
import { inboundCluster, inboundPorts } from "./inbound.ts";
import { type InboundListener, inboundListener } from "./inbound-listener.ts";
import { type Kept, keptFor } from "./keep.ts";
import { localAssignment, localCluster, looksAtZones } from "./local-cluster.ts";
import type { TranslateOptions } from "./options.ts";
import { type OutboundCluster, outboundClusters } from "./outbound-clusters.ts";
import { outboundListener } from "./outbound-listener.ts";
import { outboundPolicyOf } from "./outbound-policy.ts";
import { outboundRoutes } from "./outbound-routes.ts";
import { maySpeakHttp } from "./mesh-index.ts";
import { Parts } from "./parts.ts";
import { type Scope, sharedScope, sidecarScope } from "./scope.ts";
import { calledPorts, serviceListener } from "./service-listener.ts";
import { serviceRouteConfiguration, serviceRoutesName } from "./service-routes.ts";
import { type Source, sourceOf, type Sources } from "./source.ts";
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
  if (target.t === "sidecar") {
    const instance = instanceOf(state, target.instance);
    if (instance.workload.gateway !== undefined) return translateGateway(state, instance, options, parts);
  }
  const shared = target.t === "shared";
  const served = (shared ? target.instances : [target.instance]).map((id) => {
    const instance = instanceOf(state, id);
    return { instance, scope: (shared ? sharedScope : sidecarScope)(state.mesh, instance) };
  });
  const kept = keptFor(state);
  const calling = served.filter(({ instance }) => instance.outbound !== undefined);
  const scopes = [...new Map(calling.map(({ scope }) => [scope.outboundSuffix, scope])).values()];
  const outbound = scopes.flatMap((scope) => clustersOf(state, scope, options, kept, parts));
  const ports = served.flatMap(({ instance, scope }) => inboundPorts(state.mesh, instance, scope, shared));
  // What a sidecar's bootstrap names must be there, whoever asks for it.
  const asking = shared && !looksAtZones(state.mesh) ? [] : placed(shared ? calling : served);
  const inbound = ports.map((port) => inboundListener(state.mesh, port, options));
  return {
    listeners: [...inbound.map((i) => i.listener), ...outboundListeners(state.mesh, calling, options)],
    routes: [
      ...scopes.flatMap((scope) => forwardRoutes(state.mesh, scope, kept, parts)),
      ...serviceRoutes(state.mesh, calling, kept, parts),
    ],
    clusters: [
      ...ports.map((port) => inboundCluster(state.mesh, port)),
      ...outbound.map((o) => o.cluster),
      ...passthrough(state.mesh, scopes, kept),
      ...(shared ? asking.map(({ scope }) => localCluster(scope)) : []),
    ],
    endpoints: [...assignmentsOf(outbound), ...peersOf(state, asking, options)],
    secrets: secretsOf([], outbound),
    sources: sourcesOf(inbound, outbound),
  };
}

function translateGateway(
  state: MeshState,
  instance: Instance,
  options: TranslateOptions,
  parts: Parts,
): ProxyResources {
  const scope = sidecarScope(state.mesh, instance);
  const outbound = clustersOf(state, scope, options, keptFor(state), parts);
  const mesh = visibleMesh(state.mesh, scope);
  const { policySources, ...resources } = gatewayResources(mesh, instance, scope, options);
  const udp = udpClusters(mesh, state.instances, instance.workload, scope, options);
  const named = sniClusters(mesh, state.instances, instance.workload, scope, options);
  return {
    ...resources,
    clusters: [...outbound, ...named, ...udp].map((o) => o.cluster),
    endpoints: [
      ...assignmentsOf([...outbound, ...udp]),
      ...named.map((o) => o.endpoints),
      ...peersOf(state, placed([{ instance, scope }]), options),
    ],
    secrets: secretsOf(resources.secrets, outbound),
    sources: { ...sourcesOf([], outbound), policies: policySources },
  };
}

function instanceOf({ instances }: MeshState, id: string): Instance {
  const found = instances.find((i) => i.id === id);
  if (found === undefined)
    throw new Error(`cannot translate for instance ${JSON.stringify(id)}: the mesh has none of that id`);
  return found;
}

const edgeKey = (gateway: Scope["gateway"]): string | undefined => {
  const { namespace, name } = gateway?.backendCertificate ?? {};
  return gateway && `${namespace}/${name}`;
};

const scopeKey = ({ namespace, labels, sidecar, outboundSuffix, secretName, gateway }: Scope): string =>
  JSON.stringify([namespace, labels, sidecar?.origin.name, outboundSuffix, secretName, edgeKey(gateway)]);

const clustersOf = (
  { mesh, instances }: MeshState,
  scope: Scope,
  options: TranslateOptions,
  kept: Kept,
  parts: Parts,
): readonly OutboundCluster[] => {
  const key = `clusters ${scopeKey(scope)} ${JSON.stringify([scope.locality, options.clusterId, options.systemRootsFile])}`;
  return kept.byState(key, () => outboundClusters(visibleMesh(mesh, scope), instances, scope, options, parts));
};

const passthrough = (mesh: Mesh, scopes: readonly Scope[], kept: Kept): readonly Cluster[] =>
  scopes.some((scope) => outboundPolicyOf(mesh, scope) === "ALLOW_ANY")
    ? [kept.byMesh(PASSTHROUGH_CLUSTER, () => passthroughCluster(mesh))]
    : [];

/** Of the clusters that are filled apart. */
const assignmentsOf = (
  outbound: readonly Pick<OutboundCluster, "cluster" | "endpoints">[],
): readonly ClusterLoadAssignment[] =>
  outbound.filter(({ cluster }) => cluster.type === "EDS").map(({ endpoints }) => endpoints);

/** The endpoints of the callers' own services, where anyone says where they run: a sidecar's bootstrap names their cluster. */
const peersOf = (
  { mesh, instances }: MeshState,
  served: readonly Served[],
  { clusterId }: TranslateOptions,
): readonly ClusterLoadAssignment[] =>
  served.map(({ instance, scope }) => localAssignment(mesh, instances, instance.workload, scope, clusterId));

/** One for each scope. */
const placed = (served: readonly Served[]): readonly Served[] => [
  ...new Map(
    served.filter((it) => it.scope.locality !== undefined).map((it) => [it.scope.outboundSuffix, it]),
  ).values(),
];

/** One of each name: a Secret may be for clients and for servers. */
const secretsOf = (own: readonly Secret[], outbound: readonly OutboundCluster[]): readonly Secret[] => {
  const needed = outbound.flatMap(({ secrets }) => secrets);
  return needed.length === 0 ? own : [...new Map([...own, ...needed].map((it) => [it.name, it])).values()];
};

interface Served {
  readonly instance: Instance;
  readonly scope: Scope;
}

function outboundListeners(mesh: Mesh, calling: readonly Served[], options: TranslateOptions): readonly Listener[] {
  const own = calling.flatMap(({ instance, scope }) => [
    ...(instance.outbound === undefined ? [] : [outboundListener(mesh, instance, instance.outbound, scope, options)]),
    ...calledPorts(visibleMesh(mesh, scope), instance).map((called) =>
      serviceListener(visibleMesh(mesh, scope), instance, called, scope, options),
    ),
  ]);
  const bound = calling.flatMap(({ instance, scope }) =>
    boundListeners(visibleMesh(mesh, scope), instance, scope, options).map((listener) => ({ scope, listener })),
  );
  return [...own, ...ofOneCaller(bound)];
}

/** The routes of a workload's forward proxy, and of the listeners that its Sidecar binds. */
function forwardRoutes(mesh: Mesh, scope: Scope, kept: Kept, parts: Parts): readonly RouteConfiguration[] {
  const all = kept.byMesh(`routes ${scopeKey(scope)}`, () => outboundRoutes(visibleMesh(mesh, scope), scope, parts));
  return [all, ...kept.byMesh(`bound routes ${scopeKey(scope)}`, () => boundRoutes(all, scope))];
}

/** The routes of loopback listeners; instances of one identity share them. */
function serviceRoutes(
  mesh: Mesh,
  calling: readonly Served[],
  kept: Kept,
  parts: Parts,
): readonly RouteConfiguration[] {
  const found = new Map<string, RouteConfiguration>();
  for (const { instance, scope } of calling) {
    const seen = visibleMesh(mesh, scope);
    for (const { service, port } of calledPorts(seen, instance)) {
      const name = serviceRoutesName(service.hostname, port.number, scope);
      if (!maySpeakHttp(port) || found.has(name)) continue;
      const key = `service routes ${name} ${scopeKey(scope)}`;
      const make = (): RouteConfiguration =>
        parts.of(key, seen, [service], (it) => serviceRouteConfiguration(it, service, port.number, scope));
      found.set(name, kept.byMesh(key, make));
    }
  }
  return [...found.values()];
}

function sourcesOf(inbound: readonly InboundListener[], outbound: readonly OutboundCluster[]): Sources {
  const clusters: readonly (readonly [string, Source])[] = outbound.flatMap(({ cluster, rule }) =>
    rule === undefined ? [] : [[cluster.name ?? "", sourceOf(rule.origin)] as const],
  );
  const modes = inbound.map(({ listener, mtls: { mode, policy } }) => {
    return [listener.name ?? "", { mode, source: policy && sourceOf(policy.origin) }] as const;
  });
  return {
    policies: Object.assign({}, ...inbound.map((i) => i.policySources)),
    clusters: Object.fromEntries(clusters),
    inboundModes: Object.fromEntries(modes),
  };
}

/**
 * Which resources of which proxies a change of documents changes, field by field: what the proxies will be told, where {@link compareMeshes} says what
 * becomes of calls.
 *
 * @module
 */
import type { Mesh } from "../../model/mesh.ts";
import type { ProxyResources } from "../../translate/translate.ts";
import { Cluster } from "../../xds/proto/cluster.ts";
import { ClusterLoadAssignment } from "../../xds/proto/endpoint.ts";
import { Listener } from "../../xds/proto/listener.ts";
import { RouteConfiguration } from "../../xds/proto/route.ts";
import { toJson } from "../../xds/types/codec.ts";
import type { MessageType } from "../../xds/types/message.ts";
import { Places, SimulatedMesh } from "../explain/simulated-mesh.ts";
import { type ChangedField, changedFields } from "./fields.ts";

export interface ChangedResources {
  /** Proxies that both sides have. */
  readonly compared: number;
  readonly newProxies: readonly string[];
  readonly goneProxies: readonly string[];
  readonly changes: readonly ChangedResource[];
}

/** The same change of the same resource, for all proxies that have it. */
export interface ChangedResource {
  readonly kind: Kind;
  readonly name: string;
  readonly change: "added" | "removed" | "changed";
  /** Of one that changed. Of certificates never: they hold keys. */
  readonly fields: readonly ChangedField[];
  readonly proxies: readonly string[];
}

type Kind = "listener" | "routes" | "cluster" | "endpoints" | "certificate";

/** By kind and name, as JSON has them. */
type Resources = ReadonlyMap<string, { readonly kind: Kind; readonly name: string; readonly value: unknown }>;

export function changedResources(before: Mesh, after: Mesh): ChangedResources {
  // What is the same has the same address on both sides.
  const places = new Places();
  const [old, now] = [new SimulatedMesh(before, places), new SimulatedMesh(after, places)];
  const [were, are] = [idsOf(old), idsOf(now)];
  const shared = are.filter((id) => were.includes(id));
  const found = new Map<string, { readonly change: Omit<ChangedResource, "proxies">; readonly proxies: string[] }>();
  for (const id of shared)
    for (const change of compare(resourcesOf(old, id), resourcesOf(now, id))) {
      const key = JSON.stringify(change);
      const known = found.get(key) ?? { change, proxies: [] };
      found.set(key, known);
      known.proxies.push(id);
    }
  return {
    compared: shared.length,
    newProxies: are.filter((id) => !were.includes(id)),
    goneProxies: were.filter((id) => !are.includes(id)),
    changes: [...found.values()].map(({ change, proxies }) => ({ ...change, proxies })),
  };
}

const idsOf = ({ instances }: SimulatedMesh): readonly string[] => instances.map(({ id }) => id);

function compare(was: Resources, now: Resources): readonly Omit<ChangedResource, "proxies">[] {
  return [...new Set([...was.keys(), ...now.keys()])].flatMap((key): readonly Omit<ChangedResource, "proxies">[] => {
    const [before, after] = [was.get(key), now.get(key)];
    const { kind, name } = (after ?? before) as { readonly kind: Kind; readonly name: string };
    if (before === undefined) return [{ kind, name, change: "added", fields: [] }];
    if (after === undefined) return [{ kind, name, change: "removed", fields: [] }];
    const fields = changedFields(before.value, after.value);
    if (fields.length === 0) return [];
    return [{ kind, name, change: "changed", fields: kind === "certificate" ? [] : fields }];
  });
}

function resourcesOf(mesh: SimulatedMesh, id: string): Resources {
  const made: ProxyResources = mesh.resourcesOf(mesh.find(id));
  return new Map([
    ...named("listener", made.listeners, Listener, ({ name }) => name),
    ...named("routes", made.routes, RouteConfiguration, ({ name }) => name),
    ...named("cluster", made.clusters, Cluster, ({ name }) => name),
    ...named("endpoints", made.endpoints, ClusterLoadAssignment, ({ clusterName }) => clusterName),
    ...made.secrets.map((secret) => entry("certificate", secret.name, JSON.stringify(secret))),
  ]);
}

const named = <T>(kind: Kind, all: readonly T[], type: MessageType<T>, nameOf: (one: T) => string | undefined) =>
  all.map((one) => entry(kind, nameOf(one), toJson(type, one)));

const entry = (kind: Kind, name = "", value: unknown) => [`${kind} ${name}`, { kind, name, value }] as const;

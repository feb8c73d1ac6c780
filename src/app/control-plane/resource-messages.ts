/**
 * What `translate/` gives, as named messages of a snapshot.
 *
 * Proxies that see the same share the objects, so each is encoded once, however many proxies get it.
 *
 * @module
 */
import type { ProxyResources, ResourceLists } from "../../translate/translate.ts";
import { Cluster } from "../../xds/proto/cluster.ts";
import { ClusterLoadAssignment } from "../../xds/proto/endpoint.ts";
import { Listener } from "../../xds/proto/listener.ts";
import { RouteConfiguration } from "../../xds/proto/route.ts";
import { Secret } from "../../xds/proto/tls.ts";
import type { NamedMessage } from "../../xds/sheets.ts";
import { packRoutes } from "../../xds/pack-routes.ts";
import { type AnyMessage, pack } from "../../xds/types/any.ts";
import type { MessageType } from "../../xds/types/message.ts";

const PACKED = new WeakMap<object, NamedMessage>();

export function messagesOf(resources: ProxyResources): readonly NamedMessage[] {
  return [
    ...resources.clusters.map((it) => named(Cluster, it, it.name)),
    ...resources.endpoints.map((it) => named(ClusterLoadAssignment, it, it.clusterName)),
    ...resources.listeners.map((it) => named(Listener, it, it.name)),
    ...resources.secrets.map((it) => named(Secret, it, it.name)),
    ...resources.routes.map((it) => named(RouteConfiguration, it, it.name, packRoutes)),
  ];
}

const LISTS = new WeakMap<readonly object[], readonly NamedMessage[]>();

/** The same list of messages for the same list of resources. */
export function messageLists(lists: ResourceLists): readonly (readonly NamedMessage[])[] {
  return [
    ...lists.clusters.map((list) => namedList(Cluster, list, ({ name }) => name)),
    ...lists.endpoints.map((list) => namedList(ClusterLoadAssignment, list, ({ clusterName }) => clusterName)),
    ...lists.listeners.map((list) => namedList(Listener, list, ({ name }) => name)),
    ...lists.secrets.map((list) => namedList(Secret, list, ({ name }) => name)),
    ...lists.routes.map((list) => namedList(RouteConfiguration, list, ({ name }) => name, packRoutes)),
  ];
}

function namedList<T extends object>(
  type: MessageType<T>,
  list: readonly T[],
  nameOf: (message: T) => string | undefined,
  packed?: (message: T) => AnyMessage,
): readonly NamedMessage[] {
  const known = LISTS.get(list);
  if (known !== undefined) return known;
  const made = list.map((it) => named(type, it, nameOf(it), packed));
  LISTS.set(list, made);
  return made;
}

function named<T extends object>(
  type: MessageType<T>,
  message: T,
  name: string | undefined,
  packed = (it: T): AnyMessage => pack(type, it),
): NamedMessage {
  const known = PACKED.get(message);
  if (known !== undefined) return known;
  const made = { name: name ?? "", any: packed(message) };
  PACKED.set(message, made);
  return made;
}

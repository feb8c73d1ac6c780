/**
 * All that a proxy has been given, as changes that make another proxy the same.
 *
 * @module
 */
import type { Proxy } from "../../proxy/proxy.ts";
import type { NamedResource } from "../../proxy/resources.ts";
import type { SecretValue } from "../../proxy/secrets.ts";
import { ClusterLoadAssignment } from "../../xds/proto/endpoint.ts";
import { RouteConfiguration } from "../../xds/proto/route.ts";
import { TypeUrl } from "../../xds/resources.ts";
import { type AnyMessage, pack } from "../../xds/types/any.ts";
import type { ResourceChange } from "../workers/messages.ts";
import type { GroupState } from "../workers/worker-group.ts";

export function stateOf(proxy: Proxy): GroupState {
  const { clusters, listeners, secrets } = proxy;
  const change = (typeUrl: string, changed: readonly NamedResource[]): ResourceChange => ({
    typeUrl,
    changed,
    removed: [],
  });
  return {
    secrets: secrets.list().map(({ name }) => ({ name, value: secrets.get(name) as SecretValue })),
    changes: [
      change(TypeUrl.cds, named(clusters.messages)),
      change(
        TypeUrl.eds,
        named(clusters.assignments, (it) => pack(ClusterLoadAssignment, it)),
      ),
      change(TypeUrl.lds, named(listeners.messages)),
      change(
        TypeUrl.rds,
        named(listeners.routes, (it) => pack(RouteConfiguration, it)),
      ),
      // Behind what is live: they wait for something, and what is live serves until then.
      change(TypeUrl.lds, named(listeners.warming)),
    ].filter(({ changed }) => changed.length > 0),
  };
}

/** What a proxy has of one type, under one name; undefined for none. */
export function resourceOf(proxy: Proxy, typeUrl: string, name: string): AnyMessage | undefined {
  const { clusters, listeners } = proxy;
  switch (typeUrl) {
    case TypeUrl.cds:
      return clusters.messages.get(name);
    case TypeUrl.lds:
      return listeners.warming.get(name) ?? listeners.messages.get(name);
    case TypeUrl.eds: {
      const assignment = clusters.assignments.get(name);
      return assignment === undefined ? undefined : pack(ClusterLoadAssignment, assignment);
    }
    case TypeUrl.rds: {
      const routes = listeners.routes.get(name);
      return routes === undefined ? undefined : pack(RouteConfiguration, routes);
    }
    default:
      return undefined;
  }
}

function named(messages: ReadonlyMap<string, AnyMessage>): NamedResource[];
function named<T>(messages: ReadonlyMap<string, T>, toAny: (message: T) => AnyMessage): NamedResource[];
function named(messages: ReadonlyMap<string, unknown>, toAny?: (message: never) => AnyMessage): NamedResource[] {
  return [...messages].map(([name, message]) => ({ name, any: toAny?.(message as never) ?? (message as AnyMessage) }));
}

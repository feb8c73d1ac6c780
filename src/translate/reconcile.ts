/**
 * A mesh in which everything that is as it was is the very value that it was.
 *
 * Documents are read anew when their file changes, and what is made of several of them each time: equal things would be others. What depends on
 * identity (`parts.ts`) then sees what changed, and nothing else.
 *
 * @module
 */
import { isDeepStrictEqual } from "node:util";
import type { GatewayApiDocuments } from "../model/gateway-api/documents.ts";
import type { Mesh } from "../model/mesh.ts";
import type { Origin } from "../model/origin.ts";

/** @returns `next`, with values of `before` where they are equal. */
export function reconcile(before: Mesh, next: Mesh): Mesh {
  if (before === next) return next;
  return {
    ...next,
    settings: same(before.settings, next.settings),
    services: sameItems(before.services, next.services, (it) => `${keyOf(it)} ${it.hostname}`),
    workloads: sameItems(before.workloads, next.workloads, keyOf),
    virtualServices: sameItems(before.virtualServices, next.virtualServices, keyOf),
    destinationRules: sameItems(before.destinationRules, next.destinationRules, keyOf),
    sidecars: sameItems(before.sidecars, next.sidecars, keyOf),
    gateways: sameItems(before.gateways, next.gateways, keyOf),
    peerAuthentications: sameItems(before.peerAuthentications, next.peerAuthentications, keyOf),
    authorizationPolicies: sameItems(before.authorizationPolicies, next.authorizationPolicies, keyOf),
    backendPolicies: sameItems(before.backendPolicies, next.backendPolicies, keyOf),
    rateLimits: sameItems(before.rateLimits, next.rateLimits, keyOf),
    gatewayApi: sameGatewayApi(before.gatewayApi, next.gatewayApi),
    namespaces: same(before.namespaces, next.namespaces),
  };
}

const keyOf = ({ origin }: { readonly origin: Origin }): string => `${origin.kind} ${origin.namespace}/${origin.name}`;

function sameGatewayApi(before: GatewayApiDocuments, next: GatewayApiDocuments): GatewayApiDocuments {
  const key = ({ meta }: { readonly meta: { readonly origin: Origin } }): string => keyOf(meta);
  const documents: GatewayApiDocuments = {
    classes: sameItems(before.classes, next.classes, key),
    gateways: sameItems(before.gateways, next.gateways, key),
    listenerSets: sameItems(before.listenerSets, next.listenerSets, key),
    routes: sameItems(before.routes, next.routes, key),
    grants: sameItems(before.grants, next.grants, key),
    backendTlsPolicies: sameItems(before.backendTlsPolicies, next.backendTlsPolicies, key),
    backendTrafficPolicies: sameItems(before.backendTrafficPolicies, next.backendTrafficPolicies, key),
  };
  const fields = Object.keys(documents) as readonly (keyof GatewayApiDocuments)[];
  return fields.every((field) => documents[field] === before[field]) ? before : documents;
}

/** What was read of a file that has not changed is the same value already. */
const same = <T>(before: T, next: T): T => (before === next || isDeepStrictEqual(before, next) ? before : next);

function sameItems<T>(before: readonly T[], next: readonly T[], key: (item: T) => string): readonly T[] {
  const known = new Map(before.map((item) => [key(item), item]));
  const items = next.map((item) => {
    const was = known.get(key(item));
    return was === undefined ? item : same(was, item);
  });
  return items.length === before.length && items.every((item, i) => item === before[i]) ? before : items;
}

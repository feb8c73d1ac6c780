/**
 * References into other namespaces, which a ReferenceGrant there must allow.
 *
 * @module
 */
import type { ReferenceGrant } from "../policy.ts";
import { GATEWAY_GROUP, type ObjectReference } from "../reference.ts";
import { grouped } from "./grouped.ts";

/** Whether a document of this kind and namespace may refer to an object. Its own namespace needs no leave. */
export type Permits = (from: { readonly kind: string; readonly namespace: string }, to: ObjectReference) => boolean;

/** All that refers to others is of the Gateway API's group. */
export function permitsOf(grants: readonly ReferenceGrant[]): Permits {
  const byNamespace = grouped(grants, (g) => g.meta.namespace);
  return (from, to) => {
    if (from.namespace === to.namespace) return true;
    return (byNamespace.get(to.namespace) ?? []).some(
      (grant) =>
        grant.from.some((f) => f.group === GATEWAY_GROUP && f.kind === from.kind && f.namespace === from.namespace) &&
        grant.to.some(
          (t) => t.group === to.group && t.kind === to.kind && (t.name === undefined || t.name === to.name),
        ),
    );
  };
}

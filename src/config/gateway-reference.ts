/**
 * `gateways` of a VirtualService and of its matches: which Gateways, or `mesh` for the sidecars.
 *
 * Source: Istio. A name without a namespace is of the rule's own; `name.namespace.svc…` is an older form of `namespace/name`.
 *
 * @module
 */
import { MESH_GATEWAY } from "../model/gateway.ts";
import { isDnsLabel } from "./names.ts";
import type { Node, Read } from "./node.ts";
import { isText, text } from "./read-values.ts";

/** What holds where the field is not given. */
export const MESH_ONLY: readonly string[] = [MESH_GATEWAY];

export function gatewayReferences(namespace: string): Read<readonly string[]> {
  return (node) => {
    const found = [...new Set(node.items().map((item) => reference(item, namespace)))];
    if (node.tree.t === "list" && found.length === 0) node.warn("is empty, so it means mesh");
    return found.length === 0 ? MESH_ONLY : found;
  };
}

function reference(node: Node, own: string): string {
  const written = text(node);
  if (written === MESH_GATEWAY) return written;
  const [first = "", second, ...more] = written.split("/");
  const whole = second === undefined ? unqualified(first, own) : [first === "." ? own : first, second];
  const [namespace = "", name = ""] = whole;
  const valid = more.length === 0 && isDnsLabel(namespace) && name.split(".").every(isDnsLabel);
  if (isText(node) && written !== "" && !valid) node.mustBe("mesh, or a Gateway as name or namespace/name");
  return `${namespace}/${name}`;
}

function unqualified(name: string, own: string): readonly string[] {
  const [first = "", namespace] = name.split(".");
  return namespace === undefined ? [own, first] : [namespace, first];
}

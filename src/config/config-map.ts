/**
 * A Kubernetes ConfigMap: policies of TLS refer to the roots under its key `ca.crt`. What else it holds is not read.
 *
 * @module
 */
import type { ConfigMap } from "../model/namespace.ts";
import type { DocumentBody } from "./document.ts";
import type { Node } from "./node.ts";
import { readableCertificates } from "./secret.ts";

/** Fields of the document itself: a ConfigMap has no spec. */
export const CONFIG_MAP_FIELDS = ["apiVersion", "kind", "metadata", "data", "binaryData", "immutable"] as const;

const KEY = "ca.crt";

/** With a warning for one that holds no roots, or none that can be read: whoever refers to it is told so. */
export function readConfigMap({ metadata, origin, node }: DocumentBody): ConfigMap {
  const data = node.tree.t === "map" ? node.tree.entries.get("data")?.value : undefined;
  const entry = data?.t === "map" ? data.entries.get(KEY)?.value : undefined;
  const text = entry?.t === "scalar" && typeof entry.value === "string" ? entry.value : undefined;
  const trustedCaPem = text !== undefined && readableCertificates(text) ? text : undefined;
  if (text === undefined) node.warn(`ConfigMap is skipped: it holds no ${KEY}, so it says nothing to the mesh`);
  else if (trustedCaPem === undefined) warnAt(node);
  return { origin, namespace: metadata.namespace, name: metadata.name, trustedCaPem };
}

function warnAt(node: Node): void {
  const data = node.entries().find(([name]) => name === "data")?.[1];
  const at = data?.entries().find(([name]) => name === KEY)?.[1];
  at?.warn("must be certificates in PEM: they cannot be read, so no policy can use them");
}

/**
 * A Kubernetes ConfigMap: policies of TLS refer to the roots under its key `ca.crt`, beside which `ca.crl` may hold the revocation lists of
 * their authorities. What else it holds is not read.
 *
 * @module
 */
import { crlBlocks } from "../base/crl-pem.ts";
import type { ConfigMap } from "../model/namespace.ts";
import type { DocumentBody } from "./document.ts";
import type { Node } from "./node.ts";
import { readableCertificates } from "./secret.ts";
import type { Tree } from "./tree.ts";

/** Fields of the document itself: a ConfigMap has no spec. */
export const CONFIG_MAP_FIELDS = ["apiVersion", "kind", "metadata", "data", "binaryData", "immutable"] as const;

const ROOTS = "ca.crt";
const REVOCATIONS = "ca.crl";

/** With a warning for one that holds no roots, or none that can be read: whoever refers to it is told so. */
export function readConfigMap({ metadata, origin, node }: DocumentBody): ConfigMap {
  const crlPem = valueOf(node, REVOCATIONS);
  const text = valueOf(node, ROOTS);
  const isRevocable = crlPem === undefined || crlBlocks(crlPem) !== undefined;
  const isReadable = text !== undefined && readableCertificates(text);
  if (text === undefined) node.warn(`ConfigMap is skipped: it holds no ${ROOTS}, so it says nothing to the mesh`);
  else if (!isReadable) warnAt(node, ROOTS, "certificates");
  else if (!isRevocable) warnAt(node, REVOCATIONS, "certificate revocation lists");
  // Roots whose lists cannot be read would let in whom they revoke.
  const trustedCaPem = isReadable && isRevocable ? text : undefined;
  return { origin, namespace: metadata.namespace, name: metadata.name, trustedCaPem, crlPem };
}

/** Empty where the key is there, and what it holds is no text. */
function valueOf({ tree }: Node, key: string): string | undefined {
  const entryIn = (field: string): Tree | undefined => {
    const data = tree.t === "map" ? tree.entries.get(field)?.value : undefined;
    return data?.t === "map" ? data.entries.get(key)?.value : undefined;
  };
  const entry = entryIn("data");
  if (entry === undefined) return entryIn("binaryData") === undefined ? undefined : "";
  return entry.t === "scalar" && typeof entry.value === "string" ? entry.value : "";
}

function warnAt(node: Node, key: string, what: string): void {
  const fields = node
    .entries()
    .filter(([name, { tree }]) => (name === "data" || name === "binaryData") && tree.t === "map");
  const at = fields.flatMap(([, data]) => data.entries()).find(([name]) => name === key)?.[1];
  at?.warn(`must be ${what} in PEM: they cannot be read, so no policy can use the roots`);
}

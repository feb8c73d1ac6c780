/**
 * ReferenceGrant: what documents of other namespaces may refer to.
 *
 * @module
 */
import type { ReferenceGrant } from "../../model/gateway-api/policy.ts";
import { type DocumentBody, specFields } from "../document.ts";
import type { Node } from "../node.ts";
import { listOf } from "./lists.ts";
import { groupName, kindName, namespaceName, referredName } from "./names.ts";
import { objectMeta } from "./references.ts";

export function readReferenceGrant(body: DocumentBody): ReferenceGrant {
  const spec = specFields(body, ["from", "to"]);
  return {
    meta: objectMeta(body),
    from: spec.required("from", listOf(from, { min: 1, max: 16 }), []),
    to: spec.required("to", listOf(to, { min: 1, max: 16 }), []),
  };
}

function from(node: Node): ReferenceGrant["from"][number] {
  const fields = node.fields({ known: ["group", "kind", "namespace"] });
  return {
    group: fields.required("group", groupName, ""),
    kind: fields.required("kind", kindName, ""),
    namespace: fields.required("namespace", namespaceName, ""),
  };
}

function to(node: Node): ReferenceGrant["to"][number] {
  const fields = node.fields({ known: ["group", "kind", "name"] });
  return {
    group: fields.required("group", groupName, ""),
    kind: fields.required("kind", kindName, ""),
    name: fields.optional("name", referredName),
  };
}

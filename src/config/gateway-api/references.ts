/**
 * References between objects. Source: the Gateway API's ObjectReference and its kin.
 *
 * @module
 */
import {
  type BackendReference,
  type FieldPlace,
  GATEWAY_GROUP,
  type ObjectMeta,
  type ObjectReference,
  type ParentReference,
} from "../../model/gateway-api/reference.ts";
import type { DocumentBody } from "../document.ts";
import type { Fields, Node, Read } from "../node.ts";
import { port } from "../read-values.ts";
import { groupName, kindName, namespaceName, referredName, sectionName } from "./names.ts";

export const fieldPlace = ({ place, path }: Node): FieldPlace => ({ place, path });

export function objectMeta({ metadata, origin }: DocumentBody): ObjectMeta {
  const { namespace, name, createdAtMs, generation, labels, annotations } = metadata;
  return { origin, namespace, name, createdAtMs, generation, labels, annotations };
}

/** What a reference means where it leaves its group or kind out; undefined: they must stand there. */
interface Defaults {
  readonly group: string | undefined;
  readonly kind: string | undefined;
}

const OBJECT = ["group", "kind", "name", "namespace"] as const;

function objectFields(fields: Fields<(typeof OBJECT)[number]>, namespace: string, defaults: Defaults): ObjectReference {
  const or = (name: "group" | "kind", read: Read<string>): string =>
    defaults[name] === undefined ? fields.required(name, read, "") : (fields.optional(name, read) ?? defaults[name]);
  return {
    at: fieldPlace(fields.node),
    group: or("group", groupName),
    kind: or("kind", kindName),
    name: fields.required("name", referredName, ""),
    namespace: fields.optional("namespace", namespaceName) ?? namespace,
  };
}

/** @param namespace Of the document, which a reference without one means. */
export const objectReference =
  (namespace: string, defaults: Defaults): Read<ObjectReference> =>
  (node) =>
    objectFields(node.fields({ known: OBJECT }), namespace, defaults);

/** One that cannot leave its namespace. */
export const localReference =
  (namespace: string, defaults: Defaults): Read<ObjectReference> =>
  (node) =>
    objectFields(node.fields({ known: ["group", "kind", "name"] }), namespace, defaults);

export const toSecret = (namespace: string): Read<ObjectReference> =>
  objectReference(namespace, { group: "", kind: "Secret" });

export const parentReference =
  (namespace: string): Read<ParentReference> =>
  (node) => {
    const fields = node.fields({ known: [...OBJECT, "sectionName", "port"] });
    return {
      ...objectFields(fields, namespace, { group: GATEWAY_GROUP, kind: "Gateway" }),
      sectionName: fields.optional("sectionName", sectionName),
      port: fields.optional("port", port),
    };
  };

export const BACKEND_FIELDS = [...OBJECT, "port"] as const;

/** The fields of a backend: a Service needs a port. */
export function backendFields(fields: Fields<(typeof BACKEND_FIELDS)[number]>, namespace: string): BackendReference {
  const object = objectFields(fields, namespace, { group: "", kind: "Service" });
  const at = fields.optional("port", port);
  if (object.group === "" && object.kind === "Service" && at === undefined && fields.node.tree.t === "map")
    fields.node.fail('field "port" is missing: a Service is called by its port');
  return { ...object, port: at };
}

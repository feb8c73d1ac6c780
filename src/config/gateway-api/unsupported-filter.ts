/**
 * Filters that are known by their names alone: ExtensionRef and ExternalAuth.
 *
 * A route with one of them is read all the same: were it refused, its calls would go by other, less specific rules, without what the filter is there
 * for. As the specification has it, the filter is never skipped: what it would have seen is answered with an error.
 *
 * Source: the Gateway API's HTTPRouteFilter (`extensionRef`, `externalAuth`), and what its own schema refuses of them.
 *
 * @module
 */
import type { UnsupportedFilter } from "../../model/gateway-api/route.ts";
import type { Node } from "../node.ts";
import { anyText, choice, integer, MAX_UINT32 } from "../read-values.ts";
import { BACKEND_FIELDS, backendFields, fieldPlace, localReference } from "./references.ts";

export function extensionRef(node: Node, namespace: string): UnsupportedFilter {
  const { group, kind, name } = localReference(namespace, { group: undefined, kind: undefined })(node);
  const message = `the filter ExtensionRef to the ${kind}${group === "" ? "" : ` (${group})`} ${name} is not supported`;
  return { at: fieldPlace(node), t: "ExtensionRef", message };
}

export function externalAuth(node: Node, namespace: string): UnsupportedFilter {
  const fields = node.fields({ known: ["protocol", "backendRef", "grpc", "http", "forwardBody"] });
  const protocol = fields.required("protocol", choice(["GRPC", "HTTP"]), "GRPC");
  fields.required("backendRef", (n) => backendFields(n.fields({ known: BACKEND_FIELDS }), namespace), undefined);
  fields.optional("grpc", (n) => void n.fields({ known: ["allowedHeaders"] }).list("allowedHeaders", anyText));
  fields.optional("http", httpAuth);
  fields.at(protocol === "GRPC" ? "http" : "grpc")?.failAtKey(`cannot stand beside the protocol ${protocol}`);
  fields.optional("forwardBody", (n) => n.fields({ known: ["maxSize"] }).optional("maxSize", integer(0, MAX_UINT32)));
  return { at: fieldPlace(node), t: "ExternalAuth", message: "the filter ExternalAuth is not supported" };
}

function httpAuth(node: Node): void {
  const fields = node.fields({ known: ["path", "allowedHeaders", "allowedResponseHeaders"] });
  fields.optional("path", anyText);
  fields.list("allowedHeaders", anyText);
  fields.list("allowedResponseHeaders", anyText);
}

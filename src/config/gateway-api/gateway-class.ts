/**
 * GatewayClass: who serves Gateways.
 *
 * @module
 */
import type { GatewayClass } from "../../model/gateway-api/gateway.ts";
import { type DocumentBody, specFields } from "../document.ts";
import { anyText } from "../read-values.ts";
import { controllerName } from "./names.ts";
import { objectMeta, objectReference } from "./references.ts";

export function readGatewayClass(body: DocumentBody): GatewayClass {
  const spec = specFields(body, ["controllerName", "parametersRef", "description"]);
  spec.optional("description", anyText);
  return {
    meta: objectMeta(body),
    controllerName: spec.required("controllerName", controllerName, ""),
    parametersRef: spec.optional("parametersRef", objectReference("", { group: undefined, kind: undefined })),
  };
}

/**
 * `tulle.dev/v1 BackendPolicy`: what a DestinationRule cannot say of a destination.
 *
 * @module
 */
import type { BackendPolicy } from "../model/backend-policy.ts";
import { type DocumentBody, specFields } from "./document.ts";
import { healthCheck } from "./health-check.ts";
import { qualifiedHost } from "./names.ts";

export function readBackendPolicy(body: DocumentBody): BackendPolicy {
  const spec = specFields(body, ["host", "healthCheck"]);
  spec.oneOrMoreOf(["healthCheck"]);
  const host = qualifiedHost(body.metadata.namespace, body.settings, { wildcard: true, address: false });
  return {
    origin: body.origin,
    host: spec.required("host", host, ""),
    healthCheck: spec.optional("healthCheck", healthCheck),
  };
}

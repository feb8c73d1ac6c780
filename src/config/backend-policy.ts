/**
 * `tulle.dev/v1 BackendPolicy`: what a DestinationRule cannot say of a destination.
 *
 * @module
 */
import type { BackendPolicy, BackendRetries, PeakEwma } from "../model/backend-policy.ts";
import { type DocumentBody, specFields } from "./document.ts";
import { healthCheck } from "./health-check.ts";
import { qualifiedHost } from "./names.ts";
import type { Node } from "./node.ts";
import { duration } from "./read-values.ts";

const PARTS = ["healthCheck", "loadBalancer", "retries"] as const;
const DEFAULT_DECAY_MS = 10_000;

export function readBackendPolicy(body: DocumentBody): BackendPolicy {
  const spec = specFields(body, ["host", ...PARTS]);
  spec.oneOrMoreOf(PARTS);
  const host = qualifiedHost(body.metadata.namespace, body.settings, { wildcard: true, address: false });
  return {
    origin: body.origin,
    host: spec.required("host", host, ""),
    healthCheck: spec.optional("healthCheck", healthCheck),
    loadBalancer: spec.optional("loadBalancer", loadBalancer),
    retries: spec.optional("retries", retries),
  };
}

function loadBalancer(node: Node): PeakEwma {
  const fields = node.fields({ known: ["peakEwma"] });
  const decayMs = fields.required("peakEwma", decay, DEFAULT_DECAY_MS);
  return { t: "peakEwma", decayMs };
}

const decay = (node: Node): number => node.fields({ known: ["decay"] }).optional("decay", duration) ?? DEFAULT_DECAY_MS;

function retries(node: Node): BackendRetries {
  const fields = node.fields({ known: ["maxRetryAfter", "perTryIdleTimeout"] });
  fields.oneOrMoreOf(["maxRetryAfter", "perTryIdleTimeout"]);
  return {
    maxRetryAfterMs: fields.optional("maxRetryAfter", duration),
    perTryIdleTimeoutMs: fields.optional("perTryIdleTimeout", duration),
  };
}

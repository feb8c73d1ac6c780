/**
 * `retries` of an http rule. Source: networking.istio.io HTTPRetry.
 *
 * `attempts` is beside the first try; 0, or none, turns retries off, and the other fields are then refused, as Istio does.
 *
 * @module
 */
import type { Retries } from "../model/virtual-service.ts";
import { didYouMean } from "./did-you-mean.ts";
import type { Node } from "./node.ts";
import { duration, flag, integer, MAX_INT32, text } from "./read-values.ts";
import { quote } from "./tree.ts";

/** Envoy's words, of x-envoy-retry-on and x-envoy-retry-grpc-on. */
const WORDS = [
  "5xx",
  "gateway-error",
  "reset",
  "reset-before-request",
  "connect-failure",
  "envoy-ratelimited",
  "retriable-4xx",
  "refused-stream",
  "retriable-status-codes",
  "retriable-headers",
  "http3-post-connect-failure",
  "cancelled",
  "deadline-exceeded",
  "internal",
  "resource-exhausted",
  "unavailable",
] as const;

export function retries(node: Node): Retries {
  const fields = node.fields({
    known: ["attempts", "perTryTimeout", "retryOn", "retryIgnorePreviousHosts", "backoff", "retryRemoteLocalities"],
  });
  const attempts = fields.optional("attempts", integer(0, MAX_INT32)) ?? 0;
  const read = {
    perTryTimeoutMs: fields.optional("perTryTimeout", duration),
    retryOn: fields.optional("retryOn", retryOn),
    backoffMs: fields.optional("backoff", duration),
    remoteLocalities: fields.optional("retryRemoteLocalities", flag) ?? false,
    ignorePreviousHosts: fields.optional("retryIgnorePreviousHosts", flag) ?? true,
  };
  for (const name of ["perTryTimeout", "retryOn", "backoff"] as const) {
    if (attempts === 0) fields.at(name)?.failAtKey("has no effect without attempts: 0, or none, turns retries off");
  }
  return { attempts, ...read };
}

/** Behind a proxy there is one application, so there is nobody else to go to. */
export function inboundRetries(node: Node): Retries {
  for (const name of ["retryIgnorePreviousHosts", "retryRemoteLocalities"])
    if (node.tree.t === "map" && node.tree.entries.has(name))
      node.fail(`${name} has no meaning for the one application behind a proxy`);
  return retries(node);
}

function retryOn(node: Node): readonly string[] {
  const words = text(node)
    .split(",")
    .map((word) => word.trim());
  for (const word of words) {
    const status = /^[1-5]\d\d$/.test(word);
    if (status || WORDS.some((known) => known === word) || (word === "" && words.length === 1)) continue;
    node.fail(
      `${quote(word)} is not a retry condition${didYouMean(word, WORDS)} (known: ${WORDS.join(", ")}, and status codes)`,
    );
  }
  return words;
}

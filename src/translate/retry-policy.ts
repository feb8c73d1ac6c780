/**
 * When a failed call is tried again.
 *
 * Source: Istio's defaults: two more attempts, on failures where the server has not seen the request or says so, not on an
 * endpoint that failed this request before.
 *
 * @module
 */
import type { Retries } from "../model/virtual-service.ts";
import { PreviousHostsPredicate } from "../xds/proto/retry-predicates.ts";
import type { RetryPolicy } from "../xds/proto/route-action.ts";
import { pack } from "../xds/types/any.ts";

const DEFAULT_ATTEMPTS = 2;
const BY_STATUS = "retriable-status-codes";
const DEFAULT_RETRY_ON = ["connect-failure", "refused-stream", "unavailable", "cancelled", BY_STATUS].join(",");

const elsewhere: RetryPolicy = {
  retryHostPredicate: [
    { name: "envoy.retry_host_predicates.previous_hosts", typedConfig: pack(PreviousHostsPredicate, {}) },
  ],
};

/**
 * Undefined when `attempts` is 0.
 *
 * @param hashes The endpoint is chosen by a hash: then another attempt may go to it as well, unless the rule says otherwise.
 */
export function retryPolicy(retries: Retries | undefined, hashes: boolean): RetryPolicy | undefined {
  if (retries?.attempts === 0) return undefined;
  return {
    ...conditions(retries?.retryOn ?? []),
    numRetries: retries?.attempts ?? DEFAULT_ATTEMPTS,
    perTryTimeout: retries?.perTryTimeoutMs,
    retryBackOff: retries?.backoffMs === undefined ? undefined : { baseInterval: retries.backoffMs },
    ...((retries?.ignorePreviousHosts ?? !hashes) ? elsewhere : undefined),
    hostSelectionRetryMaxAttempts: 5,
  };
}

/** Status codes have a list of their own in Envoy, and a word that says to look at it. */
function conditions(retryOn: readonly string[]): RetryPolicy {
  const given = retryOn.filter((word) => word !== "");
  const codes = given.filter((word) => /^\d{3}$/.test(word)).map(Number);
  const words = given.filter((word) => !/^\d{3}$/.test(word));
  if (given.length === 0) return { retryOn: DEFAULT_RETRY_ON };
  if (codes.length === 0) return { retryOn: words.join(",") };
  return { retryOn: [...new Set([...words, BY_STATUS])].join(","), retriableStatusCodes: codes };
}

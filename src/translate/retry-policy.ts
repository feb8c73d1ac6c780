/**
 * When a failed call is tried again.
 *
 * Source: Istio's defaults: two more attempts, on failures where the server has not seen the request or says so, not on an
 * endpoint that failed this request before.
 *
 * @module
 */
import type { BackendRetries } from "../model/backend-policy.ts";
import type { MeshSettings } from "../model/mesh.ts";
import type { Retries } from "../model/virtual-service.ts";
import { PreviousHostsPredicate, PreviousPrioritiesConfig } from "../xds/proto/retry-predicates.ts";
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

/** Localities fail over by priority. Source: Istio's `retryRemoteLocalities`: other ones from the third attempt on. */
const otherLocalities: RetryPolicy["retryPriority"] = {
  name: "envoy.retry_priorities.previous_priorities",
  typedConfig: pack(PreviousPrioritiesConfig, { updateFrequency: 2 }),
};

/**
 * Undefined when `attempts` is 0.
 *
 * @param own What a BackendPolicy says.
 * @param hashes The endpoint is chosen by a hash: then another attempt may go to it as well, unless the rule says otherwise.
 */
export function retryPolicy(
  retries: Retries | undefined,
  hashes: boolean,
  own?: BackendRetries | undefined,
): RetryPolicy | undefined {
  if (retries?.attempts === 0) return undefined;
  return {
    perTryIdleTimeout: own?.perTryIdleTimeoutMs,
    ...(own?.maxRetryAfterMs === undefined ? undefined : { rateLimitedRetryBackOff: untilReset(own.maxRetryAfterMs) }),
    ...conditions(retries?.retryOn ?? []),
    numRetries: retries?.attempts ?? DEFAULT_ATTEMPTS,
    perTryTimeout: retries?.perTryTimeoutMs,
    retryBackOff: retries?.backoffMs === undefined ? undefined : { baseInterval: retries.backoffMs },
    ...((retries?.ignorePreviousHosts ?? !hashes) ? elsewhere : undefined),
    ...(retries?.remoteLocalities === true ? { retryPriority: otherLocalities } : undefined),
    hostSelectionRetryMaxAttempts: 5,
  };
}

/** A request that the application cannot have seen is safe to send again. */
const UNSENT = "reset-before-request";

/**
 * Of a workload's own proxy, towards its application. Undefined when `attempts` is 0.
 *
 * Source: Istio's `defaultInboundHttpRetryPolicy`, and what holds where nothing is said.
 */
export function inboundRetryPolicy({ defaultInboundHttpRetryPolicy: retries }: MeshSettings): RetryPolicy | undefined {
  if (retries?.attempts === 0) return undefined;
  const retryOn = retries?.retryOn ?? [];
  return {
    ...conditions(retryOn.some((word) => word !== "") ? retryOn : [UNSENT]),
    numRetries: retries?.attempts ?? DEFAULT_ATTEMPTS,
    perTryTimeout: retries?.perTryTimeoutMs,
    retryBackOff: retries?.backoffMs === undefined ? undefined : { baseInterval: retries.backoffMs },
  };
}

/** The header of HTTP, and the one of rate limits, which is a time. */
const untilReset = (maxInterval: number): RetryPolicy["rateLimitedRetryBackOff"] => ({
  resetHeaders: [{ name: "retry-after" }, { name: "x-ratelimit-reset", format: "UNIX_TIMESTAMP" }],
  maxInterval,
});

/** Status codes have a list of their own in Envoy, and a word that says to look at it. */
function conditions(retryOn: readonly string[]): RetryPolicy {
  const given = retryOn.filter((word) => word !== "");
  const codes = given.filter((word) => /^\d{3}$/.test(word)).map(Number);
  const words = given.filter((word) => !/^\d{3}$/.test(word));
  if (given.length === 0) return { retryOn: DEFAULT_RETRY_ON };
  if (codes.length === 0) return { retryOn: words.join(",") };
  return { retryOn: [...new Set([...words, BY_STATUS])].join(","), retriableStatusCodes: codes };
}

/**
 * Retry policies, compiled: whether an attempt that failed is tried again, when, and on whom.
 *
 * Source: `RetryPolicy` of `envoy/config/route/v3/route_components.proto` and Envoy's router filter, in its order: a
 * route's policy takes the place of its virtual host's as a whole; `x-envoy-*` request headers add conditions and
 * override counts and timeouts. Those headers are the caller's to strip where the client is not trusted.
 *
 * Here it is only decided. Counting attempts against `maxRetries` and the circuit breaker (`mayRetry` of
 * `cluster/limits.ts`), waiting, and not retrying once an answer has begun are the caller's part.
 *
 * Not here: retry options predicates, hedging.
 *
 * @module
 */
import type { Random } from "../base/random.ts";
import { unreachable } from "../base/unreachable.ts";
import type { ResetWait } from "./reset-headers.ts";
import { asksGrpcStatus, grpcStatusBit, RETRY_ON } from "./retry-on.ts";

/** A header of a message by its lower-case name; several fields of one name are joined by commas. */
export type HeaderLookup = (name: string) => string | undefined;

/** How an attempt ended, seen before any of its answer went downstream. */
export type AttemptOutcome =
  | { readonly t: "response"; readonly status: number; readonly header: HeaderLookup }
  /** No connection: refused, timed out, TLS failed. */
  | { readonly t: "connectFailure" }
  /** The connection or the stream broke. `requestSent`: the upstream may have seen a byte of it. */
  | { readonly t: "reset"; readonly requestSent: boolean }
  /** HTTP/2 REFUSED_STREAM: the upstream says that it did nothing. */
  | { readonly t: "refusedStream" }
  /** Neither answer nor end within the time of one attempt. */
  | { readonly t: "perTryTimeout"; readonly requestSent: boolean }
  /** A circuit breaker or a full queue refused it. */
  | { readonly t: "overflow" };

export interface CompiledRetry {
  /** Attempts after the first. */
  readonly maxRetries: number;
  /** 0 for none. */
  readonly perTryTimeoutMs: number;
  /** 0 for none. */
  readonly perTryIdleTimeoutMs: number;
  /** A retry looks for an endpoint that this request has not met. */
  readonly avoidPreviousHosts: boolean;
  /** How often it looks again when the balancer gives one that it has met. */
  readonly hostSelectionAttempts: number;
  /** Whether it depends on headers of the request: ask `retryForRequest` for each. */
  readonly asksRequest: boolean;
  /**
   * Whether a request may be wanted again that an endpoint has had, which need not say that it did nothing: by how it answers,
   * or that it does not. Envoy keeps every body for as long as there is a policy, and goes by the `grpc-status` of answers to
   * requests that are no gRPC, too.
   */
  repeatsSent(isGrpc: boolean): boolean;
  /** The wait before the nth retry, n from 1: random within base × 2^(n-1), at most the maximum. */
  backoffMs(attempt: number, random: Random): number;
  shouldRetry(outcome: AttemptOutcome): boolean;
  /** Answers may say when to try again. */
  readonly resetWait: ResetWait | undefined;
  /** After how many attempts the priorities that they met are left out; 0: never. */
  readonly priorityUpdateFrequency: number;
}

/** What a policy decides by. Plain values: a request that overrides some of them copies it. */
export interface RetrySettings {
  readonly retryOn: number;
  readonly maxRetries: number;
  readonly perTryTimeoutMs: number;
  readonly perTryIdleTimeoutMs: number;
  readonly avoidPreviousHosts: boolean;
  readonly hostSelectionAttempts: number;
  readonly baseMs: number;
  readonly maxMs: number;
  readonly resetWait: ResetWait | undefined;
  readonly priorityUpdateFrequency: number;
  readonly statusCodes: readonly number[];
  readonly retriableHeaders: readonly HeaderTest[];
  /** When there are any, a request that passes none of them is not retried. */
  readonly retriableRequestHeaders: readonly HeaderTest[];
}

export type HeaderTest = (header: HeaderLookup) => boolean;

/** What a request has that no policy covers but whose headers ask for retries. */
export const NO_POLICY: RetrySettings = {
  retryOn: 0,
  maxRetries: 1,
  perTryTimeoutMs: 0,
  perTryIdleTimeoutMs: 0,
  avoidPreviousHosts: false,
  hostSelectionAttempts: 1,
  baseMs: 25,
  maxMs: 250,
  resetWait: undefined,
  priorityUpdateFrequency: 0,
  statusCodes: [],
  retriableHeaders: [],
  retriableRequestHeaders: [],
};

/** A policy that decides. Made once for a route; for a request only when its headers change something. */
export class RetryDecider implements CompiledRetry {
  readonly settings: RetrySettings;
  readonly maxRetries: number;
  readonly perTryTimeoutMs: number;
  readonly perTryIdleTimeoutMs: number;
  readonly avoidPreviousHosts: boolean;
  readonly hostSelectionAttempts: number;
  readonly asksRequest: boolean;
  readonly resetWait: ResetWait | undefined;
  readonly priorityUpdateFrequency: number;

  constructor(settings: RetrySettings) {
    this.settings = settings;
    this.maxRetries = settings.maxRetries;
    this.perTryTimeoutMs = settings.perTryTimeoutMs;
    this.perTryIdleTimeoutMs = settings.perTryIdleTimeoutMs;
    this.avoidPreviousHosts = settings.avoidPreviousHosts;
    this.hostSelectionAttempts = settings.hostSelectionAttempts;
    this.resetWait = settings.resetWait;
    this.priorityUpdateFrequency = settings.priorityUpdateFrequency;
    this.asksRequest = settings.retriableRequestHeaders.length > 0;
  }

  repeatsSent(isGrpc: boolean): boolean {
    const { retryOn } = this.settings;
    return (retryOn & ON_SENT) !== 0 || (isGrpc && asksGrpcStatus(retryOn));
  }

  backoffMs(attempt: number, random: Random): number {
    const { baseMs, maxMs } = this.settings;
    return Math.floor(random() * Math.min(baseMs * 2 ** (attempt - 1), maxMs));
  }

  shouldRetry(outcome: AttemptOutcome): boolean {
    const on = this.settings.retryOn;
    switch (outcome.t) {
      case "response":
        return this.#retriesResponse(outcome.status, outcome.header);
      case "connectFailure":
        return (on & (RETRY_ON["connect-failure"] | RETRY_ON["reset-before-request"] | ANY_RESET)) !== 0;
      case "reset":
      case "perTryTimeout": // as there, an attempt that is given up is reset
        return (on & (outcome.requestSent ? ANY_RESET : RETRY_ON["reset-before-request"] | ANY_RESET)) !== 0;
      case "refusedStream":
        return (on & (RETRY_ON["refused-stream"] | ANY_RESET)) !== 0;
      case "overflow":
        return false;
      default:
        return unreachable(outcome);
    }
  }

  #retriesResponse(status: number, header: HeaderLookup): boolean {
    const { retryOn: on, statusCodes, retriableHeaders } = this.settings;
    if (header("x-envoy-ratelimited") !== undefined) return (on & RETRY_ON["envoy-ratelimited"]) !== 0;
    if ((on & RETRY_ON["5xx"]) !== 0 && status >= 500 && status < 600) return true;
    if ((on & RETRY_ON["gateway-error"]) !== 0 && status >= 502 && status <= 504) return true;
    if ((on & RETRY_ON["retriable-4xx"]) !== 0 && status === 409) return true;
    if ((on & RETRY_ON["retriable-status-codes"]) !== 0 && statusCodes.includes(status)) return true;
    if ((on & RETRY_ON["retriable-headers"]) !== 0 && retriableHeaders.some((test) => test(header))) return true;
    return asksGrpcStatus(on) && (on & grpcStatusBit(header("grpc-status") ?? "")) !== 0;
  }
}

/** A broken attempt would become a 5xx, so the conditions on those cover it. */
const ANY_RESET = RETRY_ON.reset | RETRY_ON["5xx"] | RETRY_ON["gateway-error"];

/** Conditions on what an endpoint of HTTP/1.1 does with a request that it has got. */
const ON_SENT =
  ANY_RESET |
  RETRY_ON["retriable-4xx"] |
  RETRY_ON["retriable-status-codes"] |
  RETRY_ON["retriable-headers"] |
  RETRY_ON["envoy-ratelimited"];

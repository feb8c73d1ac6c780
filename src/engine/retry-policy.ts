/**
 * Retry policies from their messages, and what the headers of a request change in them.
 *
 * @module
 */
import { PreviousPrioritiesConfig } from "../xds/proto/retry-predicates.ts";
import type { RetryPolicy } from "../xds/proto/route-action.ts";
import type { HeaderMatcher } from "../xds/proto/route-match.ts";
import { CompileError, refuseOthers, unpackAt } from "./compile-error.ts";
import { compileResetHeaders } from "./reset-headers.ts";
import {
  type CompiledRetry,
  type HeaderLookup,
  type HeaderTest,
  NO_POLICY,
  RetryDecider,
  type RetrySettings,
} from "./retry.ts";
import { parseGrpcRetryOn, parseHttpRetryOn, parseRetryOn } from "./retry-on.ts";

/** Compiles one header matcher. @throws CompileError with `path` before the field's. */
export type HeaderMatcherCompiler = (matcher: HeaderMatcher, path: string) => HeaderTest;

const KNOWN = new Set([
  "retryOn",
  "numRetries",
  "perTryTimeout",
  "perTryIdleTimeout",
  "retryHostPredicate",
  "hostSelectionRetryMaxAttempts",
  "retriableStatusCodes",
  "retryBackOff",
  "rateLimitedRetryBackOff",
  "retryPriority",
  "retriableHeaders",
  "retriableRequestHeaders",
]);

const PREVIOUS_HOSTS = "envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate";

/**
 * Compiles the policy that holds for a route: its own, else its virtual host's, never a mix of both.
 *
 * @throws CompileError for what is wrong or not supported.
 */
export function compileRetry(
  routePolicy: RetryPolicy | undefined,
  virtualHostPolicy: RetryPolicy | undefined,
  compileHeader: HeaderMatcherCompiler,
  path = "retry_policy",
): RetryDecider | undefined {
  const policy = routePolicy ?? virtualHostPolicy;
  if (policy === undefined) return undefined;
  refuseOthers(policy, path, KNOWN);
  const headers = (matchers: readonly HeaderMatcher[] | undefined, field: string) =>
    (matchers ?? []).map((matcher, i) => compileHeader(matcher, `${path}.${field}[${i}]`));
  return new RetryDecider({
    retryOn: parseRetryOn(policy.retryOn ?? ""),
    maxRetries: policy.numRetries ?? 1,
    perTryTimeoutMs: policy.perTryTimeout ?? 0,
    perTryIdleTimeoutMs: policy.perTryIdleTimeout ?? 0,
    avoidPreviousHosts: avoidsPreviousHosts(policy, path),
    hostSelectionAttempts: policy.hostSelectionRetryMaxAttempts ?? 1,
    ...backoff(policy.retryBackOff, `${path}.retry_back_off`),
    resetWait: compileResetHeaders(policy.rateLimitedRetryBackOff, `${path}.rate_limited_retry_back_off`),
    priorityUpdateFrequency: updateFrequency(policy.retryPriority, `${path}.retry_priority`),
    statusCodes: policy.retriableStatusCodes ?? [],
    retriableHeaders: headers(policy.retriableHeaders, "retriable_headers"),
    retriableRequestHeaders: headers(policy.retriableRequestHeaders, "retriable_request_headers"),
  });
}

function avoidsPreviousHosts(policy: RetryPolicy, path: string): boolean {
  for (const [i, { name, typedConfig }] of (policy.retryHostPredicate ?? []).entries()) {
    const type = typedConfig?.typeUrl.slice(typedConfig.typeUrl.lastIndexOf("/") + 1);
    if (type === PREVIOUS_HOSTS || (type === undefined && name === "envoy.retry_host_predicates.previous_hosts"))
      continue;
    throw new CompileError(
      `${path}.retry_host_predicate[${i}]`,
      `is not supported yet: ${type ?? name ?? "no name"}; only previous_hosts is`,
    );
  }
  return (policy.retryHostPredicate ?? []).length > 0;
}

/** Of the only way to choose priorities that there is: others than those that were met. */
function updateFrequency(message: RetryPolicy["retryPriority"], path: string): number {
  if (message === undefined) return 0;
  const at = `${path}.typed_config`;
  const { updateFrequency: frequency = 0 } = unpackAt(message.typedConfig, PreviousPrioritiesConfig, at);
  if (frequency < 1) throw new CompileError(`${at}.update_frequency`, `must be at least 1, found ${frequency}`);
  return frequency;
}

function backoff(
  message: RetryPolicy["retryBackOff"],
  path: string,
): { readonly baseMs: number; readonly maxMs: number } {
  const baseMs = message?.baseInterval ?? NO_POLICY.baseMs;
  const maxMs = message?.maxInterval ?? 10 * baseMs;
  if (baseMs <= 0) throw new CompileError(`${path}.base_interval`, `must be above 0, found ${baseMs} ms`);
  if (maxMs < baseMs)
    throw new CompileError(`${path}.max_interval`, `must be at least base_interval (${baseMs} ms), found ${maxMs} ms`);
  return { baseMs: Math.max(1, baseMs), maxMs: Math.max(1, maxMs) };
}

/**
 * The policy for one request: `policy` as it is, unless the request's headers change it or forbid retries. Worth a call
 * only when the request has a header that begins with `x-envoy-`, or the policy `asksRequest`.
 *
 * `x-envoy-retry-on` and `x-envoy-retry-grpc-on` add conditions; `x-envoy-max-retries` and
 * `x-envoy-upstream-rq-per-try-timeout-ms` override; `x-envoy-retriable-status-codes` and
 * `x-envoy-retriable-header-names` add.
 */
export function retryForRequest(policy: CompiledRetry | undefined, header: HeaderLookup): CompiledRetry | undefined {
  const settings = policy instanceof RetryDecider ? policy.settings : NO_POLICY;
  const retryOn = conditionsFor(settings, header);
  const maxRetries = wholeNumber(header("x-envoy-max-retries"));
  const perTryTimeoutMs = wholeNumber(header("x-envoy-upstream-rq-per-try-timeout-ms"));
  const codes = header("x-envoy-retriable-status-codes");
  const names = header("x-envoy-retriable-header-names");
  const overridden = maxRetries ?? perTryTimeoutMs ?? codes ?? names;
  if (retryOn === settings.retryOn && overridden === undefined) return policy;
  return new RetryDecider({
    ...settings,
    retryOn,
    maxRetries: maxRetries ?? settings.maxRetries,
    perTryTimeoutMs: perTryTimeoutMs ?? settings.perTryTimeoutMs,
    statusCodes: [...settings.statusCodes, ...numbersOf(codes)],
    retriableHeaders: [...settings.retriableHeaders, ...presenceTests(names)],
  });
}

function conditionsFor(settings: RetrySettings, header: HeaderLookup): number {
  const tests = settings.retriableRequestHeaders;
  if (tests.length > 0 && !tests.some((test) => test(header))) return 0;
  const http = parseHttpRetryOn(header("x-envoy-retry-on") ?? "");
  return settings.retryOn | http | parseGrpcRetryOn(header("x-envoy-retry-grpc-on") ?? "");
}

/**
 * How long one attempt may take, in ms; 0 for as long as the request as a whole. A limit that the whole request meets
 * first is none.
 */
export function effectivePerTryTimeoutMs(retry: CompiledRetry, requestTimeoutMs: number): number {
  const { perTryTimeoutMs } = retry;
  return requestTimeoutMs > 0 && perTryTimeoutMs >= requestTimeoutMs ? 0 : perTryTimeoutMs;
}

/** The time for the whole request in ms, 0 for none: the route's, or what `x-envoy-upstream-rq-timeout-ms` says. */
export function requestTimeoutMs(routeTimeoutMs: number, header: HeaderLookup): number {
  return wholeNumber(header("x-envoy-upstream-rq-timeout-ms")) ?? routeTimeoutMs;
}

/** Of a header; undefined where it is none. */
export function wholeNumber(text: string | undefined): number | undefined {
  return text !== undefined && /^\s*\d{1,15}\s*$/.test(text) ? Number(text) : undefined;
}

function numbersOf(list: string | undefined): number[] {
  return (list ?? "").split(",").flatMap((word) => wholeNumber(word) ?? []);
}

function presenceTests(list: string | undefined): HeaderTest[] {
  const names = (list ?? "").split(",").map((name) => name.trim().toLowerCase());
  return names.filter((name) => name !== "").map((name) => (header) => header(name) !== undefined);
}

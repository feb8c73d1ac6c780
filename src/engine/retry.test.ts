import { describe, expect, test } from "bun:test";
import { seededRandom } from "../base/random.ts";
import type { RetryPolicy } from "../xds/proto/route-action.ts";
import type { AttemptOutcome, HeaderLookup } from "./retry.ts";
import { compileRetry, effectivePerTryTimeoutMs, requestTimeoutMs, retryForRequest } from "./retry-policy.ts";

const headers =
  (all: Readonly<Record<string, string>> = {}): HeaderLookup =>
  (name) =>
    all[name];

const byName = (matcher: { readonly name?: string | undefined }) => (header: HeaderLookup) =>
  header(matcher.name ?? "") !== undefined;

function compile(policy: RetryPolicy) {
  const retry = compileRetry(policy, undefined, byName);
  if (retry === undefined) throw new Error("no policy");
  return retry;
}

const answer = (status: number, all: Readonly<Record<string, string>> = {}): AttemptOutcome => ({
  t: "response",
  status,
  header: headers(all),
});

const OUTCOMES = {
  connectFailure: { t: "connectFailure" },
  unsent: { t: "reset", requestSent: false },
  sent: { t: "reset", requestSent: true },
  refused: { t: "refusedStream" },
  timeout: { t: "perTryTimeout", requestSent: true },
  overflow: { t: "overflow" },
  500: answer(500),
  503: answer(503),
  409: answer(409),
  429: answer(429),
  200: answer(200),
  limited: answer(429, { "x-envoy-ratelimited": "true" }),
  unavailable: answer(200, { "grpc-status": "14" }),
  exhausted: answer(200, { "grpc-status": "8" }),
  marked: answer(200, { "x-retry": "1" }),
} as const satisfies Readonly<Record<string, AttemptOutcome>>;

/** Names of the outcomes that a condition retries. */
function retried(retryOn: string): string[] {
  const retry = compile({ retryOn, retriableStatusCodes: [429], retriableHeaders: [{ name: "x-retry" }] });
  return Object.entries(OUTCOMES)
    .filter(([, outcome]) => retry.shouldRetry(outcome))
    .map(([name]) => name)
    .sort();
}

describe("retry conditions", () => {
  const resets = ["connectFailure", "refused", "sent", "timeout", "unsent"];
  const table: Readonly<Record<string, readonly string[]>> = {
    "": [],
    "5xx": ["500", "503", ...resets],
    "gateway-error": ["503", ...resets],
    reset: resets,
    "reset-before-request": ["connectFailure", "unsent"],
    "connect-failure": ["connectFailure"],
    "refused-stream": ["refused"],
    "retriable-4xx": ["409"],
    "retriable-status-codes": ["429"],
    "retriable-headers": ["marked"],
    "envoy-ratelimited": ["limited"],
    unavailable: ["unavailable"],
    "resource-exhausted": ["exhausted"],
    "cancelled,internal,deadline-exceeded": [],
    "http3-post-connect-failure": [],
    "no-such-condition, connect-failure ,unavailable": ["connectFailure", "unavailable"],
  };
  for (const [retryOn, expected] of Object.entries(table))
    test(`${retryOn === "" ? "none" : retryOn}`, () => expect(retried(retryOn)).toEqual(expected.toSorted()));

  test("what an endpoint has had is wanted again by every condition that retries an answer or a reset", () => {
    const before: readonly string[] = ["connectFailure", "refused", "unsent"];
    for (const retryOn of Object.keys(table)) {
      const asksLater = retried(retryOn).some((name) => !before.includes(name));
      if (asksLater) expect([retryOn, compile({ retryOn }).repeatsSent(true)]).toEqual([retryOn, true]);
    }
    const istio = compile({ retryOn: "connect-failure,refused-stream,reset-before-request,unavailable,cancelled" });
    expect([istio.repeatsSent(false), istio.repeatsSent(true)]).toEqual([false, true]);
    expect(compile({ retryOn: "connect-failure,refused-stream" }).repeatsSent(true)).toBe(false);
  });

  test("an answer that says it was rate limited is retried only when asked for, whatever its status", () => {
    const limited = answer(503, { "x-envoy-ratelimited": "true" });
    expect(compile({ retryOn: "5xx" }).shouldRetry(limited)).toBe(false);
    expect(compile({ retryOn: "envoy-ratelimited" }).shouldRetry(limited)).toBe(true);
  });
});

describe("retry policy", () => {
  test("defaults", () => {
    const retry = compile({ retryOn: "5xx" });
    expect([retry.maxRetries, retry.perTryTimeoutMs, retry.avoidPreviousHosts, retry.hostSelectionAttempts]).toEqual([
      1,
      0,
      false,
      1,
    ]);
    expect(compileRetry(undefined, undefined, byName)).toBeUndefined();
  });

  test("the route's policy takes the place of the virtual host's", () => {
    expect(compileRetry({ retryOn: "5xx" }, { retryOn: "reset", numRetries: 9 }, byName)?.maxRetries).toBe(1);
    expect(compileRetry(undefined, { retryOn: "reset", numRetries: 9 }, byName)?.maxRetries).toBe(9);
  });

  test("waits grow to the maximum, with full jitter", () => {
    const retry = compile({ retryOn: "5xx" });
    const longest = (attempt: number) => retry.backoffMs(attempt, () => 0.999_999);
    expect([1, 2, 3, 4, 5, 60].map(longest)).toEqual([24, 49, 99, 199, 249, 249]);
    expect(retry.backoffMs(3, () => 0)).toBe(0);
    const random = seededRandom(1);
    const mean = Array.from({ length: 5000 }, () => retry.backoffMs(1, random)).reduce((a, b) => a + b) / 5000;
    expect(Math.abs(mean - 12)).toBeLessThan(0.5);
    const own = compile({ retryOn: "5xx", retryBackOff: { baseInterval: 10, maxInterval: 15 } });
    expect([1, 2].map((attempt) => own.backoffMs(attempt, () => 0.999_999))).toEqual([9, 14]);
  });

  test("previous hosts", () => {
    const retry = compile({
      retryOn: "5xx",
      retryHostPredicate: [{ name: "envoy.retry_host_predicates.previous_hosts" }],
      hostSelectionRetryMaxAttempts: 5,
    });
    expect([retry.avoidPreviousHosts, retry.hostSelectionAttempts]).toEqual([true, 5]);
    expect(() => compile({ retryHostPredicate: [{ name: "envoy.retry_host_predicates.omit_canary_hosts" }] })).toThrow(
      "retry_policy.retry_host_predicate[0]: is not supported yet",
    );
  });

  test("wrong intervals and unsupported fields are refused", () => {
    expect(() => compile({ retryBackOff: { baseInterval: 30, maxInterval: 20 } })).toThrow(
      "retry_policy.retry_back_off.max_interval: must be at least base_interval (30 ms), found 20 ms",
    );
    expect(() => compile({ retryPriority: { name: "x" } } as RetryPolicy)).toThrow("retry_policy.retry_priority");
  });

  test("an attempt never has more time than the request", () => {
    const retry = compile({ perTryTimeout: 2000 });
    expect([0, 1000, 2000, 3000].map((ms) => effectivePerTryTimeoutMs(retry, ms))).toEqual([2000, 0, 0, 2000]);
  });
});

describe("request headers", () => {
  const policy = compile({ retryOn: "connect-failure", numRetries: 2 });

  test("none leave the very policy", () => {
    expect(retryForRequest(policy, headers())).toBe(policy);
    expect(retryForRequest(undefined, headers())).toBeUndefined();
  });

  test("conditions are added, counts and timeouts overridden", () => {
    const retry = retryForRequest(
      policy,
      headers({
        "x-envoy-retry-on": "retriable-status-codes,unavailable",
        "x-envoy-retry-grpc-on": "internal,5xx",
        "x-envoy-max-retries": "7",
        "x-envoy-upstream-rq-per-try-timeout-ms": "150",
        "x-envoy-retriable-status-codes": "418, 425,x",
      }),
    );
    expect([retry?.maxRetries, retry?.perTryTimeoutMs]).toEqual([7, 150]);
    expect(retry?.shouldRetry({ t: "connectFailure" })).toBe(true);
    expect([418, 425, 429, 500].map((status) => retry?.shouldRetry(answer(status)))).toEqual([
      true,
      true,
      false,
      false,
    ]);
    expect(retry?.shouldRetry(answer(200, { "grpc-status": "13" }))).toBe(true);
    expect(retry?.shouldRetry(answer(200, { "grpc-status": "14" }))).toBe(false); // not a condition of that header
    expect(policy.maxRetries).toBe(2);
  });

  test("a request without a policy gets one by its headers", () => {
    const retry = retryForRequest(undefined, headers({ "x-envoy-retry-on": "5xx" }));
    expect([retry?.maxRetries, retry?.shouldRetry(answer(500))]).toEqual([1, true]);
  });

  test("retriable header names", () => {
    const retry = retryForRequest(
      undefined,
      headers({ "x-envoy-retry-on": "retriable-headers", "x-envoy-retriable-header-names": "X-Again, x-more" }),
    );
    expect(
      [{ "x-again": "" }, { "x-more": "1" }, { "x-other": "1" }].map((all) => retry?.shouldRetry(answer(200, all))),
    ).toEqual([true, true, false]);
  });

  test("a policy for some requests leaves the others alone", () => {
    const some = compile({ retryOn: "5xx", retriableRequestHeaders: [{ name: "x-idempotent" }] });
    expect(some.asksRequest).toBe(true);
    expect(retryForRequest(some, headers({ "x-idempotent": "1" }))).toBe(some);
    expect(retryForRequest(some, headers())?.shouldRetry(answer(500))).toBe(false);
    const asked = retryForRequest(some, headers({ "x-envoy-retry-on": "5xx" }));
    expect(asked?.shouldRetry(answer(500))).toBe(false);
  });

  test("values that are no numbers change nothing", () => {
    for (const value of ["", "-1", "1.5", "0x10", "many"])
      expect(retryForRequest(policy, headers({ "x-envoy-max-retries": value })), value).toBe(policy);
    expect(requestTimeoutMs(500, headers({ "x-envoy-upstream-rq-timeout-ms": "20" }))).toBe(20);
    expect(requestTimeoutMs(500, headers({ "x-envoy-upstream-rq-timeout-ms": "soon" }))).toBe(500);
  });
});

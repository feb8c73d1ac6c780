/**
 * Answers that say when to try again: `Retry-After`, `X-RateLimit-Reset`.
 *
 * Source: `RetryPolicy.rate_limited_retry_back_off` and Envoy's `ResetHeaderParserImpl`: of the headers that are configured the first that
 * holds a number within the longest wait counts, for the retry behind that answer alone; the wait is from that on, and up to half as
 * much longer. A date, which RFC 9110 allows too, is none.
 *
 * @module
 */
import type { Random } from "../base/random.ts";
import type { RetryPolicy } from "../xds/proto/route-action.ts";
import { CompileError, refuseOthers } from "./compile-error.ts";
import type { HeaderLookup } from "./retry.ts";

/** How long the answer wants to be left alone, in ms; undefined where it says nothing that counts. */
export type ResetWait = (header: HeaderLookup, wallMs: number) => number | undefined;

const DEFAULT_MAX_MS = 300_000;

/** @throws {CompileError} Undefined where no header is looked at. */
export function compileResetHeaders(
  message: RetryPolicy["rateLimitedRetryBackOff"],
  path: string,
): ResetWait | undefined {
  if (message === undefined) return undefined;
  refuseOthers(message, path, new Set(["resetHeaders", "maxInterval"]));
  const { maxInterval = DEFAULT_MAX_MS, resetHeaders = [] } = message;
  if (resetHeaders.length === 0) throw new CompileError(`${path}.reset_headers`, "must hold at least one");
  if (maxInterval <= 0) throw new CompileError(`${path}.max_interval`, `must be above 0, found ${maxInterval} ms`);
  const readers = resetHeaders.map(({ name = "", format = "SECONDS" }, i) => {
    if (name === "") throw new CompileError(`${path}.reset_headers[${i}].name`, "must not be empty");
    const lowerName = name.toLowerCase();
    return (header: HeaderLookup, wallMs: number): number | undefined => {
      const seconds = wholeSeconds(header(lowerName));
      if (seconds === undefined) return undefined;
      const waitMs = format === "SECONDS" ? seconds * 1000 : (seconds - Math.floor(wallMs / 1000)) * 1000;
      return waitMs >= 0 && waitMs <= maxInterval ? waitMs : undefined;
    };
  });
  return (header, wallMs) => {
    for (const read of readers) {
      const waitMs = read(header, wallMs);
      // As there, a wait of next to nothing is none: the usual one counts.
      if (waitMs !== undefined) return waitMs > 1 ? waitMs : undefined;
    }
    return undefined;
  };
}

const wholeSeconds = (text: string | undefined): number | undefined =>
  text !== undefined && /^\s*\d{1,12}\s*$/.test(text) ? Number(text) : undefined;

/** From `waitMs` on, up to half as much longer. */
export const afterReset = (waitMs: number, random: Random): number => waitMs + Math.floor(random() * (waitMs >> 1));

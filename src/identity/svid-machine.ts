/**
 * When a workload asks for its SVID, and when it asks again. Pure: no timer, no key, no I/O.
 *
 * Units: times are milliseconds since 1970, durations milliseconds; `jitter` is a random number in [0, 1) that comes
 * with the event, so that a step can be repeated.
 *
 * A life is counted from when the SVID arrived: `notBefore` is set back for clocks that are behind, and a life of seconds would
 * be over half before it began. Renewal falls between 40 and 50 percent of it. A failed attempt is repeated after a pause
 * that doubles, and that never takes more than a quarter of what is left, so that even a short life has several
 * attempts. The SVID in use stays in use until there is another; nothing ends because a renewal failed.
 *
 * {@link step} never throws.
 *
 * @module
 */
import { unreachable } from "../base/unreachable.ts";

export type SvidState =
  | { readonly t: "idle" }
  /** An attempt is under way. `notAfterMs` is of the SVID in use, if there is one. */
  | { readonly t: "asking"; readonly attempt: number; readonly failures: number; readonly notAfterMs?: number }
  | ({ readonly t: "pausing"; readonly attempt: number; readonly failures: number } & Wait)
  | { readonly t: "holding"; readonly attempt: number; readonly notAfterMs: number; readonly wakeMs: number }
  | { readonly t: "stopped" };

interface Wait {
  readonly wakeMs: number;
  readonly notAfterMs?: number;
}

export type SvidEvent =
  | { readonly t: "start" }
  /** Time may have come. Early or double ticks change nothing. */
  | { readonly t: "tick" }
  | { readonly t: "issued"; readonly attempt: number; readonly notAfterMs: number; readonly jitter: number }
  | { readonly t: "failed"; readonly attempt: number; readonly jitter: number }
  /** Ask now, such as when the trust bundle is about to change. */
  | { readonly t: "renewNow" }
  | { readonly t: "stop" };

export interface RetryLimits {
  /** First pause. @default 200 */
  readonly basePauseMs: number;
  /** Longest pause. @default 10_000 */
  readonly maxPauseMs: number;
  /** Longest wait for one answer. @default 10_000 */
  readonly attemptTimeoutMs: number;
}

export const DEFAULT_RETRY: RetryLimits = { basePauseMs: 200, maxPauseMs: 10_000, attemptTimeoutMs: 10_000 };

/** The next state. Entering `asking` with a new `attempt` means: ask; a state with `wakeMs` means: tick then. */
export function step(limits: RetryLimits, s: SvidState, e: SvidEvent, nowMs: number): SvidState {
  if (e.t === "stop") return { t: "stopped" };
  switch (s.t) {
    // idle => asking
    case "idle":
      return e.t === "start" ? { t: "asking", attempt: 1, failures: 0 } : s;
    // asking => holding | pausing. An answer to an older attempt changes nothing.
    case "asking":
      if (e.t === "issued" && e.attempt === s.attempt) return holding(s.attempt, e.notAfterMs, e.jitter, nowMs);
      return e.t === "failed" && e.attempt === s.attempt ? pausing(limits, s, e.jitter, nowMs) : s;
    // pausing => asking
    case "pausing":
      return isTime(s, e, nowMs) ? asking(s, s.failures) : s;
    // holding => asking
    case "holding":
      return isTime(s, e, nowMs) ? asking(s, 0) : s;
    case "stopped":
      return s;
    default:
      return unreachable(s);
  }
}

/** How long an attempt may take: no more than a quarter of what is left, but at least a second. */
export function attemptTimeoutMs(limits: RetryLimits, notAfterMs: number | undefined, nowMs: number): number {
  const quarterMs = notAfterMs === undefined || notAfterMs <= nowMs ? Infinity : (notAfterMs - nowMs) / 4;
  return Math.min(limits.attemptTimeoutMs, Math.max(1000, quarterMs));
}

const isTime = (s: { readonly wakeMs: number }, e: SvidEvent, nowMs: number): boolean =>
  e.t === "renewNow" || (e.t === "tick" && nowMs >= s.wakeMs);

const asking = (s: { readonly attempt: number; readonly notAfterMs?: number }, failures: number): SvidState => ({
  t: "asking",
  attempt: s.attempt + 1,
  failures,
  ...held(s),
});

const holding = (attempt: number, notAfterMs: number, jitter: number, nowMs: number): SvidState => ({
  t: "holding",
  attempt,
  notAfterMs,
  wakeMs: nowMs + (notAfterMs - nowMs) * (0.4 + 0.1 * jitter),
});

function pausing(
  limits: RetryLimits,
  s: { readonly attempt: number; readonly failures: number; readonly notAfterMs?: number },
  jitter: number,
  nowMs: number,
): SvidState {
  const leftMs = s.notAfterMs === undefined ? 0 : s.notAfterMs - nowMs;
  const capMs = leftMs > 0 ? Math.min(limits.maxPauseMs, Math.max(limits.basePauseMs, leftMs / 4)) : limits.maxPauseMs;
  const pauseMs = Math.min(capMs, limits.basePauseMs * 2 ** Math.min(s.failures, 30));
  const wakeMs = nowMs + pauseMs * (0.5 + 0.5 * jitter);
  return { t: "pausing", attempt: s.attempt, failures: s.failures + 1, wakeMs, ...held(s) };
}

const held = (s: { readonly notAfterMs?: number }): { readonly notAfterMs?: number } =>
  s.notAfterMs === undefined ? {} : { notAfterMs: s.notAfterMs };

/**
 * Whether the client is connected, and when it tries again: a state machine without I/O.
 *
 * @module
 */
import type { Random } from "../../base/random.ts";

export interface Backoff {
  /** Longest first wait, milliseconds. @default 500 */
  readonly baseMs: number;
  /** Longest wait. @default 30_000 */
  readonly maxMs: number;
}

export const DEFAULT_BACKOFF: Backoff = { baseMs: 500, maxMs: 30_000 };

export type LinkState =
  /** Not started, or stopped for good. */
  | { readonly t: "stopped" }
  /** A stream was begun and nothing has been heard on it: it may not be open yet, or there is nothing to tell. */
  | { readonly t: "connecting"; readonly attempt: number; readonly sinceMs: number }
  /** The server answers. */
  | { readonly t: "streaming"; readonly sinceMs: number }
  /** The stream ended; the next attempt is due at `untilMs`. */
  | { readonly t: "waiting"; readonly attempt: number; readonly untilMs: number; readonly reason: string };

export type LinkEvent =
  | { readonly t: "start" }
  | { readonly t: "stop" }
  /** A message came. */
  | { readonly t: "heard" }
  | { readonly t: "ended"; readonly reason: string }
  /** The wait is over. */
  | { readonly t: "due" }
  /** There is a new certificate: the stream is to be begun anew with it, before the server ends it for its age. */
  | { readonly t: "renewed" };

/** Pure transition. An event that a state does not expect changes nothing. */
export function step(backoff: Backoff, state: LinkState, event: LinkEvent, nowMs: number, random: Random): LinkState {
  if (event.t === "stop") return { t: "stopped" };
  switch (state.t) {
    // stopped => connecting
    case "stopped":
      return event.t === "start" ? { t: "connecting", attempt: 1, sinceMs: nowMs } : state;
    // connecting => streaming | waiting | connecting
    case "connecting":
      if (event.t === "renewed") return { t: "connecting", attempt: state.attempt, sinceMs: nowMs };
      if (event.t === "heard") return { t: "streaming", sinceMs: nowMs };
      if (event.t === "ended") {
        // A resumed stream on which nothing changed was a good one all the same.
        const lived = nowMs - state.sinceMs > backoff.maxMs;
        return wait(backoff, lived ? 0 : state.attempt, event.reason, nowMs, random);
      }
      return state;
    // streaming => waiting | connecting. The server was there, so waits begin anew.
    case "streaming":
      if (event.t === "renewed") return { t: "connecting", attempt: 1, sinceMs: nowMs };
      return event.t === "ended" ? wait(backoff, 0, event.reason, nowMs, random) : state;
    // waiting => connecting
    case "waiting":
      return event.t === "due" ? { t: "connecting", attempt: state.attempt + 1, sinceMs: nowMs } : state;
  }
}

/** Between half and all of a bound that doubles with each failure: many proxies that lost one server must not return together. */
function wait(backoff: Backoff, attempt: number, reason: string, nowMs: number, random: Random): LinkState {
  const boundMs = Math.min(backoff.maxMs, backoff.baseMs * 2 ** Math.max(attempt - 1, 0));
  return { t: "waiting", attempt, untilMs: nowMs + boundMs * (0.5 + 0.5 * random()), reason };
}

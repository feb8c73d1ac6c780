/**
 * Bounds on frames that cost us more than they cost the sender: resets, settings, pings and empty frames.
 *
 * Each kind has a bucket that holds a burst and refills with time, as nghttp2 does for resets
 * (CVE-2023-44487) and Envoy for its control frames.
 *
 * @module
 */
import { ErrorCode } from "./constants.ts";
import { Http2Error } from "./error.ts";

interface Rate {
  /** Frames that may come at once. */
  readonly burst: number;
  readonly perSecond: number;
}

export interface FloodLimits {
  /** Streams that end by RST_STREAM, sent by the peer or provoked by its faults. */
  readonly resets: Rate;
  readonly settings: Rate;
  /** PING, PRIORITY, empty DATA, WINDOW_UPDATE on closed streams, unknown frames. */
  readonly overhead: Rate;
}

export const DEFAULT_FLOOD_LIMITS: FloodLimits = {
  resets: { burst: 1000, perSecond: 100 },
  settings: { burst: 100, perSecond: 10 },
  overhead: { burst: 5000, perSecond: 1000 },
};

export class FloodGuard {
  readonly #limits: FloodLimits;
  readonly #left: Record<keyof FloodLimits, number>;
  #seenMs: number | undefined;

  constructor(limits: FloodLimits) {
    this.#limits = limits;
    this.#left = { resets: limits.resets.burst, settings: limits.settings.burst, overhead: limits.overhead.burst };
  }

  /** Refills the buckets. */
  tick(nowMs: number): void {
    const seconds = (nowMs - (this.#seenMs ?? nowMs)) / 1000;
    this.#seenMs = nowMs;
    if (seconds <= 0) return;
    for (const kind of ["resets", "settings", "overhead"] as const) {
      const { burst, perSecond } = this.#limits[kind];
      this.#left[kind] = Math.min(burst, this.#left[kind] + seconds * perSecond);
    }
  }

  /** @throws {Http2Error} enhanceYourCalm when the bucket is empty. */
  count(kind: keyof FloodLimits): void {
    if (--this.#left[kind] >= 0) return;
    const { burst, perSecond } = this.#limits[kind];
    const rate = `${burst} at once and ${perSecond} a second`;
    throw new Http2Error(ErrorCode.enhanceYourCalm, `Too many ${kind}: at most ${rate} are allowed`);
  }
}

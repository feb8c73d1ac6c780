/**
 * Bounds on frames that cost us more than they cost the sender, under the names and with the defaults of Envoy's
 * `http2_protocol_options` where it has them.
 *
 * Beside those, kinds of frames that a well-behaved peer sends seldom have a bucket that holds a burst and refills with
 * time, as nghttp2 has for resets.
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
  /** Frames that wait to be written (`max_outbound_frames`). */
  readonly maxOutboundFrames: number;
  /** SETTINGS, PING and RST_STREAM among them (`max_outbound_control_frames`). */
  readonly maxOutboundControlFrames: number;
  /** HEADERS, CONTINUATION and DATA in a row that have no payload and no END_STREAM (`max_consecutive_inbound_frames_with_empty_payload`). */
  readonly maxEmptyFrames: number;
  /** `max_inbound_priority_frames_per_stream`, for each stream that was opened and one more. */
  readonly maxPriorityFramesPerStream: number;
  /** `max_inbound_window_update_frames_per_data_frame_sent`; twice as many, and two for each stream, are taken. */
  readonly maxWindowUpdatesPerData: number;
  /** A connection on which half of at least this many requests were reset prematurely is closed (Envoy's `overload.premature_reset_total_stream_count`). */
  readonly prematureResetStreams: number;
  /** A reset is premature when the stream lived shorter than this (`overload.premature_reset_min_stream_lifetime_seconds`), milliseconds. */
  readonly prematureResetMs: number;
  /** Requests that the peer resets. */
  readonly resets: Rate;
  /** Streams that we reset because of the peer's faults (CVE-2025-8671, "MadeYouReset"). */
  readonly faults: Rate;
  readonly settings: Rate;
  /** PING, unknown frames, and windows so small that a frame carries next to nothing. */
  readonly overhead: Rate;
}

export const DEFAULT_FLOOD_LIMITS: FloodLimits = {
  maxOutboundFrames: 10_000,
  maxOutboundControlFrames: 1000,
  maxEmptyFrames: 1,
  maxPriorityFramesPerStream: 100,
  maxWindowUpdatesPerData: 10,
  prematureResetStreams: 500,
  prematureResetMs: 1000,
  resets: { burst: 2000, perSecond: 1000 },
  faults: { burst: 1000, perSecond: 100 },
  settings: { burst: 100, perSecond: 10 },
  overhead: { burst: 5000, perSecond: 1000 },
};

const MAX_LATE_FRAMES = 1000;

type Bucket = "resets" | "faults" | "settings" | "overhead";
const BUCKETS: readonly Bucket[] = ["resets", "faults", "settings", "overhead"];

export class FloodGuard {
  /** The time of the last {@link tick}. */
  nowMs = 0;
  /** DATA frames that were sent. */
  dataFrames = 0;
  readonly #limits: FloodLimits;
  readonly #left: Record<Bucket, number>;
  #seenMs = -1;
  #openedStreams = 0;
  #closedStreams = 0;
  #prematureResets = 0;
  #emptyFrames = 0;
  #priorityFrames = 0;
  #windowUpdates = 0;
  #lateFrames = 0;
  #hasTinyWindow = false;

  constructor(limits: FloodLimits) {
    this.#limits = limits;
    const { resets, faults, settings, overhead } = limits;
    this.#left = {
      resets: resets.burst,
      faults: faults.burst,
      settings: settings.burst,
      overhead: overhead.burst,
    };
  }

  /** Refills the buckets. */
  tick(nowMs: number): void {
    const seconds = this.#seenMs < 0 ? 0 : (nowMs - this.#seenMs) / 1000;
    this.nowMs = nowMs;
    // A tenth of a second is fine enough.
    if (seconds < 0.1 && this.#seenMs >= 0) return;
    this.#seenMs = nowMs;
    for (const kind of BUCKETS) {
      const { burst, perSecond } = this.#limits[kind];
      this.#left[kind] = Math.min(burst, this.#left[kind] + seconds * perSecond);
    }
  }

  /** @throws {Http2Error} enhanceYourCalm when the bucket is empty. */
  count(kind: Bucket): void {
    if (--this.#left[kind] >= 0) return;
    const { burst, perSecond } = this.#limits[kind];
    throw flood(kind, `${burst} at once and ${perSecond} a second`);
  }

  /** A window let a frame carry next to nothing. Too many are found out at the peer's next frame: whoever sends is not to blame. */
  tinyData(): void {
    if (--this.#left.overhead < 0) this.#hasTinyWindow = true;
  }

  opened(): void {
    this.#openedStreams++;
  }

  closed(): void {
    this.#closedStreams++;
  }

  /** The peer reset a request of its own (CVE-2023-44487, "rapid reset"). @throws {Http2Error} enhanceYourCalm */
  reset(openedMs: number): void {
    this.count("resets");
    const { prematureResetMs, prematureResetStreams } = this.#limits;
    if (this.nowMs - openedMs >= prematureResetMs) return;
    const streams = Math.max(this.#closedStreams, prematureResetStreams);
    if (++this.#prematureResets * 2 > streams) throw flood("premature resets", `half of ${streams} streams`);
  }

  /** RST_STREAM or HEADERS came for a stream that has ended. Some peers send one behind every stream. @throws {Http2Error} enhanceYourCalm */
  late(): void {
    if (++this.#lateFrames > MAX_LATE_FRAMES + 4 * this.#openedStreams)
      throw flood("frames on streams that have ended", `4 a stream and ${MAX_LATE_FRAMES}`);
  }

  /** HEADERS, CONTINUATION or DATA came. @throws {Http2Error} enhanceYourCalm */
  payload(isEmpty: boolean): void {
    if (!isEmpty) this.#emptyFrames = 0;
    else if (++this.#emptyFrames > this.#limits.maxEmptyFrames)
      throw flood("empty frames", `${this.#limits.maxEmptyFrames} in a row`);
  }

  /** @throws {Http2Error} enhanceYourCalm */
  priority(): void {
    const { maxPriorityFramesPerStream } = this.#limits;
    if (++this.#priorityFrames > maxPriorityFramesPerStream * (1 + this.#openedStreams))
      throw flood("PRIORITY frames", `${maxPriorityFramesPerStream} a stream`);
  }

  /** @throws {Http2Error} enhanceYourCalm */
  windowUpdate(): void {
    const { maxWindowUpdatesPerData } = this.#limits;
    const most = 5 + 2 * (this.#openedStreams + maxWindowUpdatesPerData * this.dataFrames);
    if (++this.#windowUpdates > most)
      throw flood("WINDOW_UPDATE frames", `${maxWindowUpdatesPerData} for each DATA frame`);
  }

  /** What waits to be written after the peer sent something. @throws {Http2Error} enhanceYourCalm */
  outbound(frames: number, controlFrames: number): void {
    const { maxOutboundFrames, maxOutboundControlFrames } = this.#limits;
    if (this.#hasTinyWindow) throw flood("tiny windows", `${this.#limits.overhead.burst} at once`);
    if (controlFrames > maxOutboundControlFrames)
      throw flood("control frames that the peer does not read", `${maxOutboundControlFrames}`);
    if (frames > maxOutboundFrames) throw flood("frames that the peer does not read", `${maxOutboundFrames}`);
  }
}

const flood = (what: string, most: string): Http2Error =>
  new Http2Error(ErrorCode.enhanceYourCalm, `Too many ${what}: at most ${most} are allowed`);

/**
 * An access log: lines gather in one buffer and leave in batches.
 *
 * A batch leaves when the buffer has `flushBytes`, or `flushMs` after its first line. Where the sink does not keep
 * up, the buffer does not grow: further lines are dropped and counted, and the sink is asked again at the next timer
 * or {@link AccessLog.flush}.
 *
 * @module
 */
import type { Clock, Timer } from "../base/clock.ts";
import type { AccessLine } from "./access-line.ts";
import type { AccessRecord } from "./access-record.ts";
import { LineBuffer } from "./line-buffer.ts";
import type { Counter } from "./metrics.ts";
import type { MetricDefinition } from "./registry.ts";

/**
 * Takes bytes out, as write(2) does.
 *
 * @returns How many of the bytes it took, from the first on. It must not keep the array: it is used again. If it
 *   throws, it took none.
 */
export type AccessSink = (bytes: Uint8Array) => number;

export interface AccessLogOptions {
  readonly line: AccessLine;
  readonly sink: AccessSink;
  readonly clock: Clock;
  /** Counts lines that found no room. See {@link ACCESS_LINES_DROPPED}. */
  readonly dropped: Counter;
  /** @default 65_536 */
  readonly flushBytes?: number;
  /** @default 1_000 */
  readonly flushMs?: number;
  /** Values of a line are cut off here. @default 16_384 */
  readonly maxLineBytes?: number;
  /** Holds the log for as long as it has lines that were not written out: who ends the process closes those. */
  readonly unwritten?: Set<AccessLog> | undefined;
}

export const ACCESS_LINES_DROPPED: MetricDefinition = {
  name: "tulle_access_log_lines_dropped_total",
  help: "Access log lines that were dropped because the log was not written out in time",
  idle: "keep",
};

export class AccessLog {
  readonly #line: AccessLine;
  readonly #sink: AccessSink;
  readonly #clock: Clock;
  readonly #dropped: Counter;
  readonly #flushBytes: number;
  readonly #flushMs: number;
  readonly #maxLineBytes: number;
  readonly #out: LineBuffer;
  readonly #unwritten: Set<AccessLog> | undefined;
  #timer: Timer | undefined;

  constructor(options: AccessLogOptions) {
    this.#line = options.line;
    this.#sink = options.sink;
    this.#clock = options.clock;
    this.#dropped = options.dropped;
    this.#flushBytes = options.flushBytes ?? 65_536;
    this.#flushMs = options.flushMs ?? 1_000;
    this.#maxLineBytes = options.maxLineBytes ?? 16_384;
    this.#unwritten = options.unwritten;
    this.#out = new LineBuffer(this.#flushBytes + this.#maxLineBytes + options.line.fixedBytes);
  }

  /** Writes the line of a request that has ended. */
  record(record: AccessRecord): void {
    const out = this.#out;
    // Still full: the sink refused, and is asked again by the timer, not by each request.
    if (out.length >= this.#flushBytes) return this.#dropped.add(1);
    out.begin(this.#maxLineBytes);
    this.#line.write(record, out);
    if (out.length >= this.#flushBytes) this.flush();
    else this.#timer ??= this.#startTimer();
  }

  /** Gives the sink what there is. Call it when a sink that was full has room again. */
  flush(): void {
    this.#timer?.cancel();
    const out = this.#out;
    out.consume(this.#taken(out.bytes.subarray(0, out.length)));
    this.#timer = out.length > 0 ? this.#startTimer() : undefined;
    if (out.length === 0) this.#unwritten?.delete(this);
  }

  /** Flushes, and stops the timer: what the sink does not take now is lost. */
  close(): void {
    this.flush();
    this.#timer?.cancel();
    this.#unwritten?.delete(this);
  }

  #startTimer(): Timer {
    this.#unwritten?.add(this);
    return this.#clock.after(this.#flushMs, () => this.flush());
  }

  #taken(bytes: Uint8Array): number {
    if (bytes.length === 0) return 0;
    try {
      return this.#sink(bytes);
    } catch {
      return 0; // a full disk must not fail requests; the lines that find no room are counted
    }
  }
}

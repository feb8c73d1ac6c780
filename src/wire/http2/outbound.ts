/**
 * What the streams of a session send: heads and bodies, as far as windows and the bound of the output allow.
 *
 * @module
 */
import { DEFAULT_WINDOW_BYTES, ErrorCode, MAX_WINDOW_BYTES } from "./constants.ts";
import { Http2Error } from "./error.ts";
import type { FieldWriter } from "./field-writer.ts";
import type { FloodGuard } from "./flood.ts";
import type { FrameWriter } from "./frame-writer.ts";
import type { OutputBuffer } from "./output.ts";
import type { Stream } from "./stream.ts";

/** DATA shorter than this, of a body that has more, is hardly worth its frame. */
const SMALL_DATA_BYTES = 32;

export class Outbound {
  /** What the connection's window lets us send. */
  windowBytes = DEFAULT_WINDOW_BYTES;
  readonly #out: OutputBuffer;
  readonly #writer: FrameWriter;
  readonly #fields: FieldWriter;
  readonly #flood: FloodGuard;
  readonly #maxOutputBytes: number;
  /** Streams that have more to send than they may. */
  readonly #blocked = new Set<Stream>();

  constructor(out: OutputBuffer, writer: FrameWriter, fields: FieldWriter, flood: FloodGuard, maxOutputBytes: number) {
    this.#out = out;
    this.#writer = writer;
    this.#fields = fields;
    this.#flood = flood;
    this.#maxOutputBytes = maxOutputBytes;
  }

  beginHead(): void {
    this.#writer.beginBlock();
    this.#fields.begin();
  }

  /** False: it is larger than `maxListBytes`, or our direction has ended; nothing is sent then. */
  endHead(stream: Stream, endStream: boolean, maxListBytes: number): boolean {
    if (!stream.canSend || this.#fields.listBytes > maxListBytes) {
      this.#writer.takeBlockBack();
      this.#fields.takeBack();
      return false;
    }
    stream.headSent = true;
    this.#writer.endBlock(stream.id, endStream);
    return true;
  }

  /** Takes as much as windows and the output bound allow, and returns how much that is. */
  sendData(stream: Stream, buf: Uint8Array, start: number, end: number, endStream: boolean): number {
    const room = this.#maxOutputBytes - this.#out.length;
    const length = end - start;
    const most = Math.max(Math.min(length, room, this.windowBytes, stream.sendWindowBytes), 0);
    const ends = endStream && most === length;
    if (ends && most === 0) this.#writer.data(stream.id, buf, 0, 0, true);
    const stop = start + most;
    // A peer that opens its window by a few bytes at a time would have us work for nothing.
    if (most < length && most < SMALL_DATA_BYTES && most > 0 && most < room) this.#flood.tinyData();
    for (let at = start, to = start; to < stop; at = to) {
      to = Math.min(at + this.#writer.maxFrameBytes, stop);
      this.#writer.data(stream.id, buf, at, to, ends && to === stop);
      this.#flood.dataFrames++;
    }
    this.windowBytes -= most;
    stream.sendWindowBytes -= most;
    if (most < length) this.#blocked.add(stream);
    return most;
  }

  /** Tells streams that may go on. */
  wake(): void {
    if (this.#blocked.size === 0) return;
    for (const stream of Array.from(this.#blocked)) {
      if (this.windowBytes <= 0 || this.#out.length >= this.#maxOutputBytes) return;
      if (stream.sendWindowBytes <= 0 || !this.#blocked.has(stream)) continue;
      // Those that block again go to the end, so that all have their turn.
      this.#blocked.delete(stream);
      stream.wake();
    }
  }

  /** The peer opens the connection's window. */
  widen(bytes: number): void {
    this.windowBytes += bytes;
    if (this.windowBytes > MAX_WINDOW_BYTES) throw tooWide(0);
  }

  forget(stream: Stream): void {
    this.#blocked.delete(stream);
  }

  forgetAll(): void {
    this.#blocked.clear();
  }
}

export const tooWide = (streamId: number): Http2Error =>
  new Http2Error(ErrorCode.flowControlError, "The window must stay below 2^31", streamId);

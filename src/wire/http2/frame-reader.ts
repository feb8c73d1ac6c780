/**
 * Cuts a byte stream into frames, RFC 9113 §4.1. The payload of DATA is passed on in the pieces in which it comes; other
 * frames are passed on whole. Nothing within a chunk is copied.
 *
 * @module
 */
import { ErrorCode, Flag, FRAME_HEADER_BYTES, FrameType } from "./constants.ts";
import { Http2Error } from "./error.ts";

/** Takes frames. `buf` is the chunk that was read, or a buffer that is valid only during the call. */
export interface FrameSink {
  /** A frame other than DATA; its payload is `buf[start, end)`. */
  frame(type: number, flags: number, streamId: number, buf: Buffer, start: number, end: number): void;
  /** The header of a DATA frame. Its payload follows. */
  dataBegins(flags: number, streamId: number, payloadBytes: number): void;
  /** A part of its payload, without padding: `chunk[start, end)`, never copied. */
  data(chunk: Buffer, start: number, end: number): void;
  dataEnds(): void;
}

export class FrameReader {
  readonly #maxFrameBytes: number;
  /** The start of a frame whose end has not come; its length is checked before the rest is kept. */
  #held: Buffer = NOTHING;
  #heldBytes = 0;
  /** Of the DATA frame that is being read: bytes that are still to come without padding, and the padding; -1: no such frame. */
  #dataLeft = -1;
  #padLeft = 0;
  /** The first byte of its payload is the length of the padding. */
  #padFirst = false;

  /** @param maxFrameBytes Our SETTINGS_MAX_FRAME_SIZE. */
  constructor(maxFrameBytes: number) {
    this.#maxFrameBytes = maxFrameBytes;
  }

  /** @throws {Http2Error} frameSizeError for a frame larger than allowed; the reader must be discarded. */
  read(chunk: Buffer, from: number, sink: FrameSink): void {
    const { length } = chunk;
    let at = from;
    for (;;) {
      if (this.#dataLeft >= 0) {
        at = this.#readData(chunk, at, sink);
        if (this.#dataLeft >= 0) return;
      }
      if (this.#heldBytes > 0) {
        at = this.#readHeld(chunk, at, sink);
        if (this.#heldBytes > 0) return;
        continue;
      }
      if (length - at < FRAME_HEADER_BYTES) break;
      const end = at + FRAME_HEADER_BYTES + this.#payloadBytes(chunk, at);
      if (chunk[at + 3] === FrameType.data) {
        this.#beginData(chunk, at, sink);
        at += FRAME_HEADER_BYTES;
        continue;
      }
      if (end > length) break;
      sink.frame(
        chunk[at + 3] as number,
        chunk[at + 4] as number,
        uint31(chunk, at + 5),
        chunk,
        at + FRAME_HEADER_BYTES,
        end,
      );
      at = end;
    }
    if (at < length) this.#hold(chunk, at, length);
  }

  #beginData(buf: Buffer, at: number, sink: FrameSink): void {
    const flags = buf[at + 4] as number;
    const bytes = this.#payloadBytes(buf, at);
    sink.dataBegins(flags, uint31(buf, at + 5), bytes);
    this.#padFirst = (flags & Flag.padded) !== 0;
    if (this.#padFirst && bytes === 0)
      throw new Http2Error(ErrorCode.frameSizeError, "The frame ends within its padding length");
    this.#dataLeft = bytes;
    this.#padLeft = 0;
  }

  #readData(chunk: Buffer, from: number, sink: FrameSink): number {
    let at = from;
    if (this.#padFirst) {
      if (at === chunk.length) return at;
      this.#padFirst = false;
      this.#padLeft = chunk[at++] as number;
      this.#dataLeft -= 1 + this.#padLeft;
      if (this.#dataLeft < 0) throw new Http2Error(ErrorCode.protocolError, "The padding is longer than the payload");
    }
    const end = Math.min(at + this.#dataLeft, chunk.length);
    if (end > at) {
      this.#dataLeft -= end - at;
      sink.data(chunk, at, end);
    }
    const padding = Math.min(this.#padLeft, chunk.length - end);
    this.#padLeft -= padding;
    if (this.#dataLeft === 0 && this.#padLeft === 0) {
      this.#dataLeft = -1;
      sink.dataEnds();
    }
    return end + padding;
  }

  /** Goes on with the frame that is held. */
  #readHeld(chunk: Buffer, from: number, sink: FrameSink): number {
    let at = this.#fillTo(FRAME_HEADER_BYTES, chunk, from);
    if (this.#heldBytes < FRAME_HEADER_BYTES) return at;
    const held = this.#held;
    const bytes = this.#payloadBytes(held, 0);
    if (held[3] === FrameType.data) {
      this.#heldBytes = 0;
      this.#beginData(held, 0, sink);
      return at;
    }
    const end = FRAME_HEADER_BYTES + bytes;
    at = this.#fillTo(end, chunk, at);
    if (this.#heldBytes < end) return at;
    this.#heldBytes = 0;
    const whole = this.#held;
    if (whole.length > MOST_KEPT_BYTES) this.#held = NOTHING;
    sink.frame(whole[3] as number, whole[4] as number, uint31(whole, 5), whole, FRAME_HEADER_BYTES, end);
    return at;
  }

  #fillTo(bytes: number, chunk: Buffer, at: number): number {
    const take = Math.min(Math.max(bytes - this.#heldBytes, 0), chunk.length - at);
    if (take > 0) this.#hold(chunk, at, at + take, bytes);
    return at + take;
  }

  #hold(chunk: Buffer, from: number, to: number, expectBytes = 0): void {
    const total = this.#heldBytes + to - from;
    if (total > this.#held.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(total, expectBytes, 64));
      this.#held.copy(larger, 0, 0, this.#heldBytes);
      this.#held = larger;
    }
    chunk.copy(this.#held, this.#heldBytes, from, to);
    this.#heldBytes = total;
  }

  #payloadBytes(bytes: Buffer, at: number): number {
    const length = ((bytes[at] as number) << 16) | ((bytes[at + 1] as number) << 8) | (bytes[at + 2] as number);
    if (length <= this.#maxFrameBytes) return length;
    throw new Http2Error(
      ErrorCode.frameSizeError,
      `Cannot read a frame: it must be <= ${this.#maxFrameBytes} bytes, found ${length}`,
    );
  }
}

/** A buffer that held more than this is given back. */
const MOST_KEPT_BYTES = 1024;
const NOTHING = Buffer.alloc(0);

/** Reads 31 bits; the reserved bit above them is ignored, RFC 9113 §4.1. */
export function uint31(bytes: Uint8Array, at: number): number {
  return uint32(bytes, at) & 0x7fff_ffff;
}

export function uint32(bytes: Uint8Array, at: number): number {
  return (
    (((bytes[at] as number) << 24) |
      ((bytes[at + 1] as number) << 16) |
      ((bytes[at + 2] as number) << 8) |
      (bytes[at + 3] as number)) >>>
    0
  );
}

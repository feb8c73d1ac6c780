/**
 * Cuts a byte stream into frames, RFC 9113 §4.1.
 *
 * @module
 */
import { ErrorCode, FRAME_HEADER_BYTES } from "./constants.ts";
import { Http2Error } from "./error.ts";

/** Takes one frame. The payload is valid only during the call. */
export type FrameSink = (type: number, flags: number, streamId: number, payload: Uint8Array) => void;

export class FrameReader {
  readonly #maxFrameBytes: number;
  /** The start of a frame whose end has not come; its length is checked before the rest is kept. */
  #held: Uint8Array = new Uint8Array(0);
  #heldBytes = 0;

  /** @param maxFrameBytes Our SETTINGS_MAX_FRAME_SIZE. */
  constructor(maxFrameBytes: number) {
    this.#maxFrameBytes = maxFrameBytes;
  }

  /**
   * Passes each frame that is now complete to `sink`, in order. Whole frames within `chunk` are not copied.
   *
   * @throws {Http2Error} frameSizeError for a frame larger than allowed; the reader must be discarded.
   */
  read(chunk: Uint8Array, sink: FrameSink): void {
    let at = this.#heldBytes > 0 ? this.#completeHeld(chunk, sink) : 0;
    while (chunk.length - at >= FRAME_HEADER_BYTES) {
      const end = at + this.#frameBytes(chunk, at);
      if (end > chunk.length) break;
      emit(chunk, at, end, sink);
      at = end;
    }
    if (at < chunk.length) this.#hold(chunk, at, chunk.length);
  }

  /** @returns How much of `chunk` was used. */
  #completeHeld(chunk: Uint8Array, sink: FrameSink): number {
    let at = this.#fillTo(FRAME_HEADER_BYTES, chunk, 0);
    if (this.#heldBytes < FRAME_HEADER_BYTES) return at;
    const end = this.#frameBytes(this.#held, 0);
    at = this.#fillTo(end, chunk, at);
    if (this.#heldBytes < end) return at;
    this.#heldBytes = 0;
    emit(this.#held, 0, end, sink);
    return at;
  }

  #fillTo(bytes: number, chunk: Uint8Array, at: number): number {
    const take = Math.min(Math.max(bytes - this.#heldBytes, 0), chunk.length - at);
    if (take > 0) this.#hold(chunk, at, at + take, bytes);
    return at + take;
  }

  #hold(chunk: Uint8Array, from: number, to: number, expectBytes = 0): void {
    const total = this.#heldBytes + to - from;
    if (total > this.#held.length) {
      const larger = new Uint8Array(Math.max(total, expectBytes, 256));
      larger.set(this.#held.subarray(0, this.#heldBytes));
      this.#held = larger;
    }
    this.#held.set(chunk.subarray(from, to), this.#heldBytes);
    this.#heldBytes = total;
  }

  /** Length of the frame at `at` with its header. */
  #frameBytes(bytes: Uint8Array, at: number): number {
    const length = (bytes[at]! << 16) | (bytes[at + 1]! << 8) | bytes[at + 2]!;
    if (length > this.#maxFrameBytes) {
      throw new Http2Error(
        ErrorCode.frameSizeError,
        `Cannot read a frame: it must be <= ${this.#maxFrameBytes} bytes, found ${length}`,
      );
    }
    return FRAME_HEADER_BYTES + length;
  }
}

function emit(bytes: Uint8Array, at: number, end: number, sink: FrameSink): void {
  sink(bytes[at + 3]!, bytes[at + 4]!, uint31(bytes, at + 5), bytes.subarray(at + FRAME_HEADER_BYTES, end));
}

/** Reads 31 bits; the reserved bit above them is ignored, RFC 9113 §4.1. */
export function uint31(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! & 0x7f) << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
}

export function uint32(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
}

/**
 * Writes frames into an output buffer, RFC 9113 §6.
 *
 * @module
 */
import { CLIENT_PREFACE, Flag, FRAME_HEADER_BYTES, FrameType } from "./constants.ts";
import type { OutputBuffer } from "./output.ts";

export class FrameWriter {
  readonly #out: OutputBuffer;
  /** SETTINGS_MAX_FRAME_SIZE of the peer. */
  maxFrameBytes: number;

  constructor(out: OutputBuffer, maxFrameBytes: number) {
    this.#out = out;
    this.maxFrameBytes = maxFrameBytes;
  }

  preface(): void {
    this.#out.take(CLIENT_PREFACE.length).set(CLIENT_PREFACE);
  }

  /** `bytes[from, to)` must not be longer than `maxFrameBytes`. */
  data(streamId: number, bytes: Uint8Array, from: number, to: number, endStream: boolean): void {
    const payload = this.#frame(FrameType.data, endStream ? Flag.endStream : 0, streamId, to - from);
    payload.set(from === 0 && to === bytes.length ? bytes : bytes.subarray(from, to));
  }

  /** HEADERS, and CONTINUATION as long as the block needs them. */
  headers(streamId: number, block: Uint8Array, endStream: boolean): void {
    const first = Math.min(block.length, this.maxFrameBytes);
    const flags = (endStream ? Flag.endStream : 0) | (first === block.length ? Flag.endHeaders : 0);
    this.#frame(FrameType.headers, flags, streamId, first).set(block.subarray(0, first));
    for (let at = first; at < block.length; ) {
      const end = Math.min(block.length, at + this.maxFrameBytes);
      const last = end === block.length ? Flag.endHeaders : 0;
      this.#frame(FrameType.continuation, last, streamId, end - at).set(block.subarray(at, end));
      at = end;
    }
  }

  rstStream(streamId: number, code: number): void {
    put32(this.#frame(FrameType.rstStream, 0, streamId, 4), 0, code);
  }

  settings(entries: readonly (readonly [id: number, value: number])[]): void {
    const payload = this.#frame(FrameType.settings, 0, 0, entries.length * 6);
    entries.forEach(([id, value], i) => {
      payload[i * 6] = id >>> 8;
      payload[i * 6 + 1] = id;
      put32(payload, i * 6 + 2, value);
    });
  }

  settingsAck(): void {
    this.#frame(FrameType.settings, Flag.ack, 0, 0);
  }

  /** @param opaque Eight bytes. */
  ping(opaque: Uint8Array, ack: boolean): void {
    this.#frame(FrameType.ping, ack ? Flag.ack : 0, 0, 8).set(opaque);
  }

  goaway(lastStreamId: number, code: number, debug: string): void {
    const text = Buffer.from(debug, "utf8");
    const payload = this.#frame(FrameType.goaway, 0, 0, 8 + text.length);
    put32(payload, 0, lastStreamId);
    put32(payload, 4, code);
    payload.set(text, 8);
  }

  windowUpdate(streamId: number, increment: number): void {
    put32(this.#frame(FrameType.windowUpdate, 0, streamId, 4), 0, increment);
  }

  #frame(type: number, flags: number, streamId: number, length: number): Uint8Array {
    const frame = this.#out.take(FRAME_HEADER_BYTES + length);
    frame[0] = length >>> 16;
    frame[1] = length >>> 8;
    frame[2] = length;
    frame[3] = type;
    frame[4] = flags;
    put32(frame, 5, streamId);
    return frame.subarray(FRAME_HEADER_BYTES);
  }
}

function put32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}

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
  /** Frames in the output, and those of them that are SETTINGS, PING or RST_STREAM. */
  frames = 0;
  controlFrames = 0;
  /** Where the field block that is being written begins, in bytes from the front of the output. */
  #blockAt = 0;

  constructor(out: OutputBuffer, maxFrameBytes: number) {
    this.#out = out;
    this.maxFrameBytes = maxFrameBytes;
  }

  /** Some of the output was written: as large a part of the frames is taken to be gone. */
  consumed(bytesBefore: number, bytesLeft: number): void {
    const left = bytesLeft / bytesBefore;
    this.frames = Math.ceil(this.frames * left);
    this.controlFrames = Math.ceil(this.controlFrames * left);
  }

  preface(): void {
    const out = this.#out;
    out.reserve(CLIENT_PREFACE.length);
    out.bytes.set(CLIENT_PREFACE, out.to);
    out.to += CLIENT_PREFACE.length;
  }

  /** `bytes[from, to)` must not be longer than `maxFrameBytes`. */
  data(streamId: number, bytes: Uint8Array, from: number, to: number, endStream: boolean): void {
    const out = this.#out;
    this.#frame(FrameType.data, endStream ? Flag.endStream : 0, streamId, to - from);
    if (to > from) (bytes as Buffer).copy(out.bytes, out.to, from, to);
    out.to += to - from;
  }

  /** Leaves room for the header of a HEADERS frame. The block is then written to the output. */
  beginBlock(): void {
    const out = this.#out;
    out.reserve(FRAME_HEADER_BYTES);
    this.#blockAt = out.length;
    out.to += FRAME_HEADER_BYTES;
  }

  /** Bytes of the block so far. */
  get blockBytes(): number {
    return this.#out.length - this.#blockAt - FRAME_HEADER_BYTES;
  }

  takeBlockBack(): void {
    this.#out.to = this.#out.from + this.#blockAt;
  }

  /** Makes HEADERS of the block, and CONTINUATION as long as it needs them. */
  endBlock(streamId: number, endStream: boolean): void {
    const out = this.#out;
    const bytes = this.blockBytes;
    this.frames++;
    const most = this.maxFrameBytes;
    const streamFlag = endStream ? Flag.endStream : 0;
    if (bytes <= most) {
      const at = out.from + this.#blockAt;
      return putHeader(out.bytes, at, FrameType.headers, streamFlag | Flag.endHeaders, streamId, bytes);
    }
    const extra = Math.ceil(bytes / most) - 1;
    out.reserve(extra * FRAME_HEADER_BYTES);
    out.to += extra * FRAME_HEADER_BYTES;
    const at = out.from + this.#blockAt;
    // From the back, so that nothing is overwritten before it was moved.
    for (let part = extra; part >= 0; part--) {
      const start = at + FRAME_HEADER_BYTES + part * most;
      const length = Math.min(most, bytes - part * most);
      const header = at + part * (most + FRAME_HEADER_BYTES);
      if (part > 0) out.bytes.copyWithin(header + FRAME_HEADER_BYTES, start, start + length);
      const flags = (part === 0 ? streamFlag : 0) | (part === extra ? Flag.endHeaders : 0);
      putHeader(out.bytes, header, part === 0 ? FrameType.headers : FrameType.continuation, flags, streamId, length);
    }
  }

  rstStream(streamId: number, code: number): void {
    this.controlFrames++;
    this.#frame(FrameType.rstStream, 0, streamId, 4);
    this.#put32(code);
  }

  settings(entries: readonly (readonly [id: number, value: number])[]): void {
    this.#frame(FrameType.settings, 0, 0, entries.length * 6);
    const out = this.#out;
    for (const [id, value] of entries) {
      out.bytes[out.to++] = id >>> 8;
      out.bytes[out.to++] = id;
      this.#put32(value);
    }
  }

  settingsAck(): void {
    this.controlFrames++;
    this.#frame(FrameType.settings, Flag.ack, 0, 0);
  }

  /** Sends the eight bytes at `from` of `opaque`. */
  ping(opaque: Uint8Array, from: number, ack: boolean): void {
    this.controlFrames++;
    this.#frame(FrameType.ping, ack ? Flag.ack : 0, 0, 8);
    const out = this.#out;
    for (let i = 0; i < 8; i++) out.bytes[out.to++] = opaque[from + i] as number;
  }

  goaway(lastStreamId: number, code: number, debug: string): void {
    const text = Buffer.from(debug, "utf8");
    this.#frame(FrameType.goaway, 0, 0, 8 + text.length);
    this.#put32(lastStreamId);
    this.#put32(code);
    text.copy(this.#out.bytes, this.#out.to);
    this.#out.to += text.length;
  }

  windowUpdate(streamId: number, increment: number): void {
    this.#frame(FrameType.windowUpdate, 0, streamId, 4);
    this.#put32(increment);
  }

  /** Writes a frame's header and makes room for its payload. */
  #frame(type: number, flags: number, streamId: number, length: number): void {
    this.frames++;
    const out = this.#out;
    out.reserve(FRAME_HEADER_BYTES + length);
    putHeader(out.bytes, out.to, type, flags, streamId, length);
    out.to += FRAME_HEADER_BYTES;
  }

  #put32(value: number): void {
    const out = this.#out;
    put32(out.bytes, out.to, value);
    out.to += 4;
  }
}

function putHeader(bytes: Uint8Array, at: number, type: number, flags: number, streamId: number, length: number): void {
  bytes[at] = length >>> 16;
  bytes[at + 1] = length >>> 8;
  bytes[at + 2] = length;
  bytes[at + 3] = type;
  bytes[at + 4] = flags;
  put32(bytes, at + 5, streamId);
}

function put32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}

/**
 * Takes the payloads of frames apart and checks what a frame alone can say about itself, RFC 9113 §6.
 *
 * @module
 */
import { ErrorCode, Flag, FrameType } from "./constants.ts";
import { Http2Error } from "./error.ts";

/** Length that a frame of each type must have; -1: any. */
const EXACT_BYTES = new Int8Array(256).fill(-1);
EXACT_BYTES[FrameType.priority] = 5;
EXACT_BYTES[FrameType.rstStream] = 4;
EXACT_BYTES[FrameType.ping] = 8;
EXACT_BYTES[FrameType.windowUpdate] = 4;

/** Frames that speak of a stream, and frames that speak of the connection. The others may do either. */
const ON_STREAM = 1;
const ON_CONNECTION = 2;
const PLACE = new Uint8Array(256);
for (const type of ["data", "headers", "priority", "rstStream", "pushPromise", "continuation"] as const)
  PLACE[FrameType[type]] = ON_STREAM;
for (const type of ["settings", "ping", "goaway"] as const) PLACE[FrameType[type]] = ON_CONNECTION;

/** @throws {Http2Error} When the frame's stream or length is wrong for its type. */
export function checkFrame(type: number, streamId: number, length: number): void {
  const place = PLACE[type] as number;
  if (streamId === 0 && place === ON_STREAM) throw misplaced(type, "a stream, found stream 0");
  if (streamId !== 0 && place === ON_CONNECTION) throw misplaced(type, `stream 0, found ${streamId}`);
  const exact = EXACT_BYTES[type] as number;
  const short = type === FrameType.goaway && length < 8;
  if ((exact < 0 || exact === length) && !short) return;
  // Only a wrong PRIORITY leaves the connection as it was (§6.3).
  const ends = type === FrameType.priority ? streamId : 0;
  throw new Http2Error(ErrorCode.frameSizeError, `A frame of type ${type} cannot have ${length} bytes`, ends);
}

const misplaced = (type: number, must: string): Http2Error =>
  new Http2Error(ErrorCode.protocolError, `A frame of type ${type} must be on ${must}`);

/**
 * The end of a HEADERS payload without its padding. Where it starts behind padding length and priority, {@link blockStart}
 * says.
 *
 * @throws {Http2Error} protocolError when the padding is longer than the payload.
 */
export function blockEnd(flags: number, buf: Uint8Array, start: number, end: number): number {
  const from = blockStart(flags, start);
  if (from > end) throw new Http2Error(ErrorCode.frameSizeError, "The frame ends within its padding length");
  const to = end - (flags & Flag.padded ? (buf[start] as number) : 0);
  if (to < from) throw new Http2Error(ErrorCode.protocolError, "The padding is longer than the payload");
  return to;
}

export const blockStart = (flags: number, start: number): number =>
  start + (flags & Flag.padded ? 1 : 0) + (flags & Flag.priority ? 5 : 0);

/**
 * Takes the payloads of frames apart and checks what a frame alone can say about itself, RFC 9113 §6.
 *
 * @module
 */
import { ErrorCode, Flag, FrameType } from "./constants.ts";
import { Http2Error } from "./error.ts";

/** Length that a frame of this type must have, with the code for one that has not. */
const EXACT_BYTES: Readonly<Record<number, number>> = {
  [FrameType.priority]: 5,
  [FrameType.rstStream]: 4,
  [FrameType.ping]: 8,
  [FrameType.windowUpdate]: 4,
};

/** Frames that speak of a stream, and frames that speak of the connection. The others may do either. */
const ON_STREAM: ReadonlySet<number> = new Set([
  FrameType.data,
  FrameType.headers,
  FrameType.priority,
  FrameType.rstStream,
  FrameType.pushPromise,
  FrameType.continuation,
]);
const ON_CONNECTION: ReadonlySet<number> = new Set([FrameType.settings, FrameType.ping, FrameType.goaway]);

/** @throws {Http2Error} When the frame's stream or length is wrong for its type. */
export function checkFrame(type: number, streamId: number, length: number): void {
  if (streamId === 0 && ON_STREAM.has(type)) throw misplaced(type, "a stream, found stream 0");
  if (streamId !== 0 && ON_CONNECTION.has(type)) throw misplaced(type, `stream 0, found ${streamId}`);
  const exact = EXACT_BYTES[type];
  const short = type === FrameType.goaway && length < 8;
  if ((exact === undefined || exact === length) && !short) return;
  // Only a wrong PRIORITY leaves the connection as it was (§6.3).
  const ends = type === FrameType.priority ? streamId : 0;
  throw new Http2Error(ErrorCode.frameSizeError, `A frame of type ${type} cannot have ${length} bytes`, ends);
}

const misplaced = (type: number, must: string): Http2Error =>
  new Http2Error(ErrorCode.protocolError, `A frame of type ${type} must be on ${must}`);

/**
 * The payload without padding, and without the priority of HEADERS.
 *
 * @throws {Http2Error} protocolError when the padding is longer than the payload.
 */
export function unpadded(flags: number, payload: Uint8Array, priority: boolean): Uint8Array {
  const padded = (flags & Flag.padded) !== 0;
  const from = (padded ? 1 : 0) + (priority ? 5 : 0);
  const to = payload.length - (padded ? (payload[0] ?? 0) : 0);
  if (from === 0 && !padded) return payload;
  if (from > payload.length) throw new Http2Error(ErrorCode.frameSizeError, "The frame ends within its padding length");
  if (to < from) throw new Http2Error(ErrorCode.protocolError, "The padding is longer than the payload");
  return payload.subarray(from, to);
}

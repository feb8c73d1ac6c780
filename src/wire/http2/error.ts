/**
 * A fault of the other side, with the code that is sent back for it.
 *
 * @module
 */
import { errorName } from "./constants.ts";

/** RFC 9113 §5.4. On stream 0 the whole connection ends, on another only that stream. */
export class Http2Error extends Error {
  override readonly name = "Http2Error";
  /** See `ErrorCode`. */
  readonly code: number;
  /** The stream that ends; 0 when the connection does. */
  readonly streamId: number;
  /** The message was framed well and is no HTTP (RFC 9113 §8.1.1). */
  readonly isMalformed: boolean;

  constructor(code: number, message: string, streamId = 0, isMalformed = false) {
    super(`[${errorName(code)}] ${message}`);
    this.code = code;
    this.streamId = streamId;
    this.isMalformed = isMalformed;
  }
}

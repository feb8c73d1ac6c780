/**
 * Puts HEADERS and the CONTINUATION frames after it together, RFC 9113 §4.3.
 *
 * @module
 */
import { ErrorCode } from "./constants.ts";
import { Http2Error } from "./error.ts";

export interface HeaderBlockLimits {
  /** Bytes of one block as sent (compressed). */
  readonly maxBlockBytes: number;
  /** CONTINUATION frames of one block: many small ones cost more than their bytes (CVE-2024-27316 and others). */
  readonly maxContinuations: number;
}

export class HeaderBlockAssembler {
  readonly #limits: HeaderBlockLimits;
  readonly #parts: Buffer[] = [];
  #bytes = 0;
  #continuations = 0;
  /** The stream whose block is not complete: nothing but its CONTINUATION may come now; 0 when there is none. */
  openStreamId = 0;
  /** The block that is open ends its stream. */
  endStream = false;

  constructor(limits: HeaderBlockLimits) {
    this.#limits = limits;
  }

  /** A HEADERS frame has a block of this length, or its start. */
  checkBytes(bytes: number): void {
    const most = this.#limits.maxBlockBytes;
    if (bytes <= most) return;
    throw new Http2Error(ErrorCode.enhanceYourCalm, `A field block must be <= ${most} bytes: found ${bytes}`);
  }

  /** HEADERS came and its block goes on in CONTINUATION. */
  begin(streamId: number, endStream: boolean, buf: Buffer, start: number, end: number): void {
    this.openStreamId = streamId;
    this.endStream = endStream;
    this.#continuations = 0;
    this.#bytes = end - start;
    this.#parts.push(copyOf(buf, start, end));
  }

  /** CONTINUATION came. @returns The block when it is complete. */
  extend(buf: Buffer, start: number, end: number, endHeaders: boolean): Buffer | undefined {
    if (++this.#continuations > this.#limits.maxContinuations) {
      const most = this.#limits.maxContinuations;
      throw new Http2Error(ErrorCode.enhanceYourCalm, `A field block may have ${most} CONTINUATION frames`);
    }
    this.#bytes += end - start;
    this.checkBytes(this.#bytes);
    this.#parts.push(copyOf(buf, start, end));
    if (!endHeaders) return undefined;
    this.openStreamId = 0;
    const block = Buffer.concat(this.#parts);
    this.#parts.length = 0;
    return block;
  }
}

const copyOf = (buf: Buffer, start: number, end: number): Buffer => Buffer.from(buf.subarray(start, end));

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

export interface HeaderBlock {
  readonly streamId: number;
  readonly endStream: boolean;
  /** Valid until the frame that ended the block has been handled. */
  readonly bytes: Uint8Array;
}

interface Open {
  readonly streamId: number;
  readonly endStream: boolean;
  readonly parts: Uint8Array[];
  bytes: number;
}

export class HeaderBlockAssembler {
  readonly #limits: HeaderBlockLimits;
  #open: Open | undefined;

  constructor(limits: HeaderBlockLimits) {
    this.#limits = limits;
  }

  /** The stream whose block is not complete: nothing but its CONTINUATION may come now. */
  get openStreamId(): number | undefined {
    return this.#open?.streamId;
  }

  /** HEADERS came. @returns The block when it is complete. */
  begin(streamId: number, fragment: Uint8Array, endStream: boolean, endHeaders: boolean): HeaderBlock | undefined {
    this.#checkBytes(fragment.length);
    if (endHeaders) return { streamId, endStream, bytes: fragment };
    this.#open = { streamId, endStream, parts: [fragment.slice()], bytes: fragment.length };
    return undefined;
  }

  /** CONTINUATION came. @returns The block when it is complete. */
  extend(streamId: number, fragment: Uint8Array, endHeaders: boolean): HeaderBlock | undefined {
    const open = this.#open;
    if (open === undefined || open.streamId !== streamId) {
      throw new Http2Error(ErrorCode.protocolError, `CONTINUATION of stream ${streamId} follows no HEADERS`);
    }
    if (open.parts.length > this.#limits.maxContinuations) {
      const most = this.#limits.maxContinuations;
      throw new Http2Error(ErrorCode.enhanceYourCalm, `A field block may have ${most} CONTINUATION frames`);
    }
    open.bytes += fragment.length;
    this.#checkBytes(open.bytes);
    open.parts.push(fragment.slice());
    if (!endHeaders) return undefined;
    this.#open = undefined;
    return { streamId, endStream: open.endStream, bytes: Buffer.concat(open.parts) };
  }

  #checkBytes(bytes: number): void {
    const most = this.#limits.maxBlockBytes;
    if (bytes <= most) return;
    throw new Http2Error(ErrorCode.enhanceYourCalm, `A field block must be <= ${most} bytes: found ${bytes}`);
  }
}

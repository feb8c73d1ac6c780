/**
 * Flow-control windows, RFC 9113 §5.2.
 *
 * @module
 */
import { ErrorCode, MAX_WINDOW_BYTES } from "./constants.ts";
import { Http2Error } from "./error.ts";

/** What we may still send. Below zero after the peer reduced its initial window. */
export class SendWindow {
  #bytes: number;
  readonly #streamId: number;

  constructor(bytes: number, streamId: number) {
    this.#bytes = bytes;
    this.#streamId = streamId;
  }

  get bytes(): number {
    return this.#bytes;
  }

  spend(bytes: number): void {
    this.#bytes -= bytes;
  }

  /** @throws {Http2Error} flowControlError past 2^31-1. */
  widen(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes <= MAX_WINDOW_BYTES) return;
    throw new Http2Error(ErrorCode.flowControlError, "The window must stay below 2^31", this.#streamId);
  }
}

/** What the peer may still send, and what was received but not given back yet. */
export class ReceiveWindow {
  readonly #streamId: number;
  #sizeBytes: number;
  #leftBytes: number;
  /** Consumed and not yet told to the peer. */
  #freedBytes = 0;
  #heldBytes = 0;

  constructor(sizeBytes: number, streamId: number) {
    this.#streamId = streamId;
    this.#sizeBytes = sizeBytes;
    this.#leftBytes = sizeBytes;
  }

  /** Received and not consumed. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** @throws {Http2Error} flowControlError when the peer sent more than it may. */
  receive(bytes: number): void {
    this.#leftBytes -= bytes;
    this.#heldBytes += bytes;
    if (this.#leftBytes >= 0) return;
    throw new Http2Error(ErrorCode.flowControlError, `${bytes} bytes do not fit the window`, this.#streamId);
  }

  /** Gives bytes back. @returns The increment that the peer should be told now; 0 while it is not worth a frame. */
  consume(bytes: number): number {
    const freed = Math.min(bytes, this.#heldBytes);
    this.#heldBytes -= freed;
    this.#freedBytes += freed;
    if (this.#freedBytes * 2 < this.#sizeBytes || this.#freedBytes === 0) return 0;
    const increment = this.#freedBytes;
    this.#freedBytes = 0;
    this.#leftBytes += increment;
    return increment;
  }

  /** Our settings changed the size of every stream's window. */
  resize(byBytes: number): void {
    this.#sizeBytes += byBytes;
    this.#leftBytes += byBytes;
  }
}

/**
 * The receiving side's flow-control window, RFC 9113 §5.2.
 *
 * @module
 */
import { ErrorCode } from "./constants.ts";
import { Http2Error } from "./error.ts";

/** What the peer may still send, and what was received but not given back yet. */
export class ReceiveWindow {
  #streamId = 0;
  #sizeBytes = 0;
  #leftBytes = 0;
  /** Consumed and not yet told to the peer. */
  #freedBytes = 0;
  /** Received and not consumed. */
  heldBytes = 0;

  begin(sizeBytes: number, streamId: number): void {
    this.#streamId = streamId;
    this.#sizeBytes = sizeBytes;
    this.#leftBytes = sizeBytes;
    this.#freedBytes = 0;
    this.heldBytes = 0;
  }

  /** @throws {Http2Error} flowControlError when the peer sent more than it may. */
  receive(bytes: number): void {
    this.#leftBytes -= bytes;
    this.heldBytes += bytes;
    if (this.#leftBytes >= 0) return;
    throw new Http2Error(ErrorCode.flowControlError, `${bytes} bytes do not fit the window`, this.#streamId);
  }

  /** Gives bytes back. @returns The increment that the peer should be told now; 0 while it is not worth a frame. */
  consume(bytes: number): number {
    const freed = Math.min(bytes, this.heldBytes);
    this.heldBytes -= freed;
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

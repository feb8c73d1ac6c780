/**
 * The part of a request's body that must be kept: until there is a connection to send it on, and for as long as it may
 * have to be sent again.
 *
 * @module
 */
import { compact } from "../base/compact.ts";
import { FREED_BYTES, freeChunk } from "../net/free-chunk.ts";
import type { Trailers } from "../wire/http1/trailers.ts";

/** Reading stops while this much waits for a connection. */
const FULL_BYTES = 64 * 1024;

export class RequestBuffer {
  /** Keep what was sent for another attempt. */
  keep = false;
  /** A body that grows past this is not sent again; `per_connection_buffer_limit_bytes` of the listener. */
  maxKeptBytes = 0;
  /** Nothing of what was sent waits anywhere. */
  isTaken = false;
  /** What follows the body, where it is not chunked. */
  trailers: Trailers | undefined;
  #chunks: Uint8Array[] = [];
  #bytes = 0;
  #lost = false;

  reset(): void {
    this.giveUp();
    this.#lost = this.isTaken = false;
    this.trailers = undefined;
  }

  /** Nothing will be sent again: lets go of what is kept. */
  giveUp(): void {
    this.keep = false;
    if (this.#bytes > 0) this.#drop();
    this.#bytes = 0;
  }

  #drop(): void {
    if (this.#bytes >= FREED_BYTES && this.isTaken) for (const chunk of this.#chunks) freeChunk(chunk);
    this.#chunks = [];
  }

  /** Bytes that wait for a connection. */
  add(chunk: Uint8Array): void {
    this.#chunks.push(compact(chunk));
    this.#bytes += chunk.length;
  }

  /** Bytes that went straight through. */
  passed(buf: Uint8Array, start: number, end: number): void {
    if (end === start) return;
    if (this.keep && this.#bytes + end - start <= this.maxKeptBytes) return this.add(buf.subarray(start, end));
    this.#lost = true;
    this.giveUp();
  }

  /** Everything that waited has been sent. */
  sent(): void {
    if (this.keep && this.#bytes <= this.maxKeptBytes) return;
    if (this.#bytes > 0) this.#lost = true;
    this.giveUp();
  }

  get chunks(): readonly Uint8Array[] {
    return this.#chunks;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Stop reading until there is a connection. */
  get isFull(): boolean {
    return this.#bytes >= FULL_BYTES;
  }

  /** All of the body so far is here and can be sent again. */
  get isComplete(): boolean {
    return !this.#lost;
  }
}

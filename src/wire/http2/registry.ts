/**
 * The streams of one connection, and what is known of those that are gone.
 *
 * @module
 */
import { MAX_STREAM_ID } from "./constants.ts";
import type { Stream } from "./stream.ts";

/** Ended streams whose late frames are still expected, at most. */
const MAX_REMEMBERED = 1024;

export class StreamRegistry {
  readonly #streams = new Map<number, Stream>();
  /** Streams that we ended and the peer may not know it yet; oldest first. */
  readonly #ignored = new Set<number>();
  readonly #peerParity: number;
  #nextLocalId: number;
  #peerOpen = 0;
  /** The highest stream that the peer opened; 0 before the first. */
  lastPeerId = 0;

  constructor(role: "client" | "server") {
    this.#peerParity = role === "server" ? 1 : 0;
    this.#nextLocalId = role === "client" ? 1 : 2;
  }

  get size(): number {
    return this.#streams.size;
  }

  /** Open streams that the peer began. */
  get peerOpen(): number {
    return this.#peerOpen;
  }

  get localOpen(): number {
    return this.#streams.size - this.#peerOpen;
  }

  get(id: number): Stream | undefined {
    return this.#streams.get(id);
  }

  all(): readonly Stream[] {
    return [...this.#streams.values()];
  }

  /** Another stream of ours would get a number: a connection has 2^30 of them, a few days at full load. */
  get hasLocalId(): boolean {
    return this.#nextLocalId <= MAX_STREAM_ID;
  }

  /** A number for a new stream of ours; undefined when all are used. */
  takeLocalId(): number | undefined {
    if (!this.hasLocalId) return undefined;
    this.#nextLocalId += 2;
    return this.#nextLocalId - 2;
  }

  byPeer(id: number): boolean {
    return (id & 1) === this.#peerParity;
  }

  /** Nobody has opened it yet. */
  isIdle(id: number): boolean {
    return this.byPeer(id) ? id > this.lastPeerId : id >= this.#nextLocalId;
  }

  add(stream: Stream): void {
    this.#streams.set(stream.id, stream);
    if (this.byPeer(stream.id)) this.#peerOpen++;
  }

  /** False when it was gone already. */
  remove(stream: Stream): boolean {
    if (!this.#streams.delete(stream.id)) return false;
    if (this.byPeer(stream.id)) this.#peerOpen--;
    return true;
  }

  /** Frames that still come on this stream were sent before the peer knew its end. */
  ignore(id: number): void {
    this.#ignored.add(id);
    if (this.#ignored.size <= MAX_REMEMBERED) return;
    for (const oldest of this.#ignored) {
      this.#ignored.delete(oldest);
      return;
    }
  }

  isIgnored(id: number): boolean {
    return this.#ignored.has(id);
  }
}

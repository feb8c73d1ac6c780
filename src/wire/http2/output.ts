/**
 * Bytes that wait to be written to a socket: written at the back, consumed at the front.
 *
 * @module
 */
const FIRST_BYTES = 512;
/** An empty buffer larger than this is given back at once. */
const MOST_KEPT_BYTES = 262_144;

export class OutputBuffer {
  bytes: Buffer = Buffer.allocUnsafeSlow(FIRST_BYTES);
  /** Behind the last byte. Whoever writes reserves first, writes from here on and moves it. */
  to = 0;
  #from = 0;
  /** Most that was needed since the last {@link trim}. */
  #peakBytes = 0;

  get length(): number {
    return this.to - this.#from;
  }

  /** First byte that waits. */
  get from(): number {
    return this.#from;
  }

  /** What waits. Valid until the next write or consume. */
  get view(): Uint8Array {
    return this.bytes.subarray(this.#from, this.to);
  }

  /** Makes room for `length` bytes behind {@link to}, which moves to the front where that is cheaper. */
  reserve(length: number): void {
    if (this.to + length > this.bytes.length) this.#makeRoom(length);
  }

  /** Drops `count` bytes from the front. */
  consume(count: number): void {
    this.#from += count;
    if (this.#from < this.to) return;
    this.#peakBytes = Math.max(this.#peakBytes, this.to);
    this.#from = 0;
    this.to = 0;
    if (this.bytes.length > MOST_KEPT_BYTES) this.bytes = Buffer.allocUnsafeSlow(FIRST_BYTES);
  }

  /** Gives back what a connection has not needed since the last call: it may be idle for hours. */
  trim(): void {
    const isUseful = this.#peakBytes * 4 > this.bytes.length || this.length > 0;
    this.#peakBytes = 0;
    if (!isUseful && this.bytes.length > FIRST_BYTES) this.bytes = Buffer.allocUnsafeSlow(FIRST_BYTES);
  }

  clear(): void {
    this.consume(this.length);
  }

  #makeRoom(length: number): void {
    const used = this.length;
    const enough = (used + length) * 2;
    const target = enough <= this.bytes.length ? this.bytes : Buffer.allocUnsafeSlow(Math.max(enough, FIRST_BYTES));
    this.bytes.copy(target, 0, this.#from, this.to);
    this.bytes = target;
    this.#from = 0;
    this.to = used;
  }
}

/**
 * Bytes that wait to be written to a socket: written at the back, consumed at the front.
 *
 * @module
 */
export class OutputBuffer {
  #bytes: Uint8Array;
  #from = 0;
  #to = 0;

  constructor(initialBytes = 4096) {
    this.#bytes = new Uint8Array(initialBytes);
  }

  get length(): number {
    return this.#to - this.#from;
  }

  /** What waits. Valid until the next write or consume. */
  get view(): Uint8Array {
    return this.#bytes.subarray(this.#from, this.#to);
  }

  /** Makes room for `length` bytes at the back, counts them as written and returns the place to write them to. */
  take(length: number): Uint8Array {
    if (this.#to + length > this.#bytes.length) this.#makeRoom(length);
    const at = this.#to;
    this.#to += length;
    return this.#bytes.subarray(at, this.#to);
  }

  /** Drops `count` bytes from the front. */
  consume(count: number): void {
    this.#from += count;
    if (this.#from < this.#to) return;
    this.#from = 0;
    this.#to = 0;
  }

  clear(): void {
    this.consume(this.length);
  }

  #makeRoom(length: number): void {
    const used = this.length;
    const enough = used + length;
    const target = enough * 2 <= this.#bytes.length ? this.#bytes : new Uint8Array(Math.max(enough * 2, 4096));
    if (target === this.#bytes) target.copyWithin(0, this.#from, this.#to);
    else target.set(this.view);
    this.#bytes = target;
    this.#from = 0;
    this.#to = used;
  }
}

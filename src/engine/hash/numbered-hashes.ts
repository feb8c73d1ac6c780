/**
 * The hashes of `key_0`, `key_1`, … one after the other, without a text for each: a ring of millions of places is made of nothing else.
 *
 * @module
 */
import { hashOfBytes } from "./xx-hash.ts";

const ZERO = 48;
const NINE = 57;
/** Enough for any place of a ring. */
const MAX_DIGITS = 10;

export class NumberedHashes {
  readonly #bytes: Uint8Array;
  /** Where the number begins. */
  readonly #from: number;
  /** The key and the number as it is now. */
  #view: Uint8Array;

  constructor(key: string) {
    const prefix = Buffer.from(`${key}_`);
    this.#from = prefix.length;
    this.#bytes = new Uint8Array(prefix.length + MAX_DIGITS);
    this.#bytes.set(prefix);
    this.#bytes[this.#from] = ZERO;
    this.#view = this.#bytes.subarray(0, this.#from + 1);
  }

  /** xxHash64 of the key with the next number. */
  next(): bigint {
    const hash = hashOfBytes(this.#view);
    this.#count();
    return hash;
  }

  #count(): void {
    const bytes = this.#bytes;
    let at = this.#view.length - 1;
    for (; at >= this.#from && bytes[at] === NINE; at -= 1) bytes[at] = ZERO;
    if (at >= this.#from) bytes[at]! += 1;
    else this.#grow();
  }

  /** All nines have become noughts. */
  #grow(): void {
    this.#bytes[this.#from] = ZERO + 1;
    this.#bytes[this.#view.length] = ZERO;
    this.#view = this.#bytes.subarray(0, this.#view.length + 1);
  }
}

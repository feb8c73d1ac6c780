/**
 * Random identifiers: request ids, trace ids, span ids.
 *
 * Random bytes are drawn in pools and kept as one hex string, so that an id costs a slice of it. An id that is kept
 * for long keeps its pool (8 KB of characters) in memory with it.
 *
 * Sources: RFC 9562 §5.4 (UUID version 4), W3C Trace Context §3.2.2 (ids are not all zero).
 *
 * @module
 */

/** Fills the array with random bytes; `node:crypto`'s `randomFillSync` and `crypto.getRandomValues` do. */
export type RandomBytes = (into: Uint8Array<ArrayBuffer>) => void;

const POOL_BYTES = 4096;
const VARIANTS = "89ab";

export class RandomIds {
  readonly #fill: RandomBytes;
  readonly #bytes = Buffer.alloc(POOL_BYTES);
  #hex = "";
  #at = 0;

  constructor(fill: RandomBytes) {
    this.#fill = fill;
  }

  /** A UUID of version 4, as in `x-request-id`. */
  requestId(): string {
    const at = this.#take(32);
    const hex = this.#hex;
    const head = `${hex.slice(at, at + 8)}-${hex.slice(at + 8, at + 12)}-4${hex.slice(at + 13, at + 16)}`;
    const variant = VARIANTS.charAt(Number.parseInt(hex.charAt(at + 16), 16) & 3);
    return `${head}-${variant}${hex.slice(at + 17, at + 20)}-${hex.slice(at + 20, at + 32)}`;
  }

  /** 32 hex digits, not all zero. */
  traceId(): string {
    return this.#id(32);
  }

  /** 16 hex digits, not all zero. */
  spanId(): string {
    return this.#id(16);
  }

  #id(digits: number): string {
    const at = this.#take(digits);
    const id = this.#hex.slice(at, at + digits);
    return isZero(id) ? `${id.slice(1)}1` : id;
  }

  /** Where `digits` unused digits begin. */
  #take(digits: number): number {
    if (this.#at + digits > this.#hex.length) {
      this.#fill(this.#bytes);
      this.#hex = this.#bytes.toString("hex");
      this.#at = 0;
    }
    const at = this.#at;
    this.#at += digits;
    return at;
  }
}

function isZero(id: string): boolean {
  for (let i = 0; i < id.length; i++) if (id.charCodeAt(i) !== 48) return false;
  return true;
}

/**
 * Random identifiers: request ids, trace ids, span ids, and the `traceparent` of a trace that begins here.
 *
 * Many are spelled at once, into one string, so that an id costs a slice of it. An id that is kept for long keeps its
 * pool (some KB of characters) in memory with it.
 *
 * Sources: RFC 9562 §5.4 (UUID version 4), W3C Trace Context Level 2, §3.2.2 (ids are not all zero, flags).
 *
 * @module
 */

/** Fills the array with random bytes; `node:crypto`'s `randomFillSync` and `crypto.getRandomValues` do. */
export type RandomBytes = (into: Uint8Array<ArrayBuffer>) => void;

const TRACE_ID = `${"x".repeat(31)}n`;
const SPAN_ID = `${"x".repeat(15)}n`;

export class RandomIds {
  readonly #requestIds: IdPool;
  readonly #traceIds: IdPool;
  readonly #spanIds: IdPool;
  readonly #traceparents: IdPool;

  constructor(fill: RandomBytes) {
    this.#requestIds = new IdPool(fill, "xxxxxxxx-xxxx-4xxx-vxxx-xxxxxxxxxxxx");
    this.#traceIds = new IdPool(fill, TRACE_ID);
    this.#spanIds = new IdPool(fill, SPAN_ID);
    // Version 00; not sampled, and random.
    this.#traceparents = new IdPool(fill, `00-${TRACE_ID}-${SPAN_ID}-02`);
  }

  /** A UUID of version 4, as in `x-request-id`. */
  requestId(): string {
    return this.#requestIds.next();
  }

  /** 32 hex digits, not all zero. */
  traceId(): string {
    return this.#traceIds.next();
  }

  /** 16 hex digits, not all zero. */
  spanId(): string {
    return this.#spanIds.next();
  }

  /** A trace that begins here and is not sampled. */
  unsampledTraceparent(): string {
    return this.#traceparents.next();
  }
}

const POOL_IDS = 128;
const HEX = Buffer.from("0123456789abcdef");
const VARIANTS = Buffer.from("89ab");
const ONE = 0x31;

/** Ids of one form: `x` stands for a hex digit, `n` for one that is not zero, `v` for the variant of a UUID. */
class IdPool {
  readonly #fill: RandomBytes;
  readonly #form: Buffer;
  #text = "";
  #at = 0;

  constructor(fill: RandomBytes, form: string) {
    this.#fill = fill;
    this.#form = Buffer.from(form);
  }

  next(): string {
    if (this.#at === this.#text.length) this.#spell();
    const at = this.#at;
    this.#at += this.#form.length;
    return this.#text.slice(at, this.#at);
  }

  #spell(): void {
    const form = this.#form;
    const random = new Uint8Array(form.length * POOL_IDS);
    this.#fill(random);
    for (let i = 0; i < random.length; i++)
      random[i] = spelled(form[i % form.length] as number, (random[i] as number) & 15);
    this.#text = Buffer.from(random.buffer).toString("latin1");
    this.#at = 0;
  }
}

/** @param nibble 0 to 15. */
function spelled(char: number, nibble: number): number {
  switch (char) {
    case 0x78: // x
      return HEX[nibble] as number;
    case 0x6e: // n
      return nibble === 0 ? ONE : (HEX[nibble] as number);
    case 0x76: // v
      return VARIANTS[nibble & 3] as number;
    default:
      return char;
  }
}

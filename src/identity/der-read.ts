/**
 * Reads DER (X.690) strictly: definite lengths in their shortest form, single-octet tags, nothing left over.
 *
 * No copy is made and nothing is allocated for a length that the input does not have.
 * A reader walks one constructed element; recursion is as deep as the caller's own grammar and no deeper.
 *
 * Errors: {@link CredentialError} and nothing else, with the offset in the input.
 *
 * @module
 */
import { CredentialError } from "./credential-error.ts";
import { TAG } from "./der-write.ts";

interface Element {
  readonly tag: number;
  readonly start: number;
  readonly contentStart: number;
  readonly end: number;
}

/** Content octets of an object identifier that we look at; none in use is near. */
const MAX_OID_OCTETS = 64;

export class DerReader {
  readonly #bytes: Uint8Array;
  readonly #end: number;
  #at: number;

  constructor(bytes: Uint8Array, start = 0, end = bytes.length) {
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
  }

  /** Whether everything has been read. */
  get done(): boolean {
    return this.#at === this.#end;
  }

  /** The next tag, `undefined` at the end. */
  get nextTag(): number | undefined {
    return this.done ? undefined : this.#bytes[this.#at];
  }

  /** Reads the next element, which must have `tag`, and gives a reader of its contents. */
  enter(tag: number, what: string): DerReader {
    const element = this.#next(tag, what);
    return new DerReader(this.#bytes, element.contentStart, element.end);
  }

  /** The contents of the next element, which must have `tag`. A view, not a copy. */
  content(tag: number, what: string): Uint8Array {
    const element = this.#next(tag, what);
    return this.#bytes.subarray(element.contentStart, element.end);
  }

  /** The next element with its tag and length. A view, not a copy. */
  whole(tag: number, what: string): Uint8Array {
    const element = this.#next(tag, what);
    return this.#bytes.subarray(element.start, element.end);
  }

  /** Passes over one element of any tag. */
  skip(what: string): void {
    this.#next(undefined, what);
  }

  /** @throws {CredentialError} If something is left. */
  finish(what: string): void {
    if (!this.done) throw this.#refused(what, `must end here: ${this.#end - this.#at} octets are left`);
  }

  /** A positive INTEGER: its magnitude without a leading zero. */
  positiveInteger(what: string): Uint8Array {
    const digits = this.#integer(what);
    if (digits.length === 1 && digits[0] === 0) throw this.#refused(what, "must be positive: found 0");
    return digits[0] === 0 ? digits.subarray(1) : digits;
  }

  /** An INTEGER from 0 to 65535. */
  smallInteger(what: string): number {
    const digits = this.#integer(what);
    const magnitude = digits[0] === 0 ? digits.subarray(1) : digits;
    if (magnitude.length > 2) throw this.#refused(what, `must be at most 65535: found ${magnitude.length} octets`);
    return magnitude.reduce((value, octet) => value * 256 + octet, 0);
  }

  boolean(what: string): boolean {
    const content = this.content(TAG.boolean, what);
    if (content.length !== 1 || (content[0] !== 0 && content[0] !== 0xff))
      throw this.#refused(what, "must be 00 or ff in one octet");
    return content[0] === 0xff;
  }

  /** BIT STRING of whole octets. */
  bitString(what: string): Uint8Array {
    const { unused, octets } = this.namedBits(what);
    if (unused !== 0) throw this.#refused(what, `must be whole octets: ${unused} bits are unused`);
    return octets;
  }

  namedBits(what: string): { readonly unused: number; readonly octets: Uint8Array } {
    const content = this.content(TAG.bitString, what);
    const unused = content[0] ?? 8;
    const last = content.length > 1 ? (content.at(-1) ?? 0) : 0;
    if (unused > 7 || (content.length === 1 && unused > 0) || (last & ((1 << unused) - 1)) !== 0)
      throw this.#refused(what, "must be a bit string whose unused bits are zero");
    return { unused, octets: content.subarray(1) };
  }

  /** OBJECT IDENTIFIER as dotted text. */
  objectIdentifier(what: string): string {
    const content = this.content(TAG.oid, what);
    if (content.length === 0 || content.length > MAX_OID_OCTETS || (content.at(-1) ?? 0) & 0x80)
      throw this.#refused(what, `must be an object identifier of 1 to ${MAX_OID_OCTETS} octets`);
    const arcs: number[] = [];
    let arc = 0;
    let fresh = true;
    for (const octet of content) {
      if (fresh && octet === 0x80) throw this.#refused(what, "must have arcs in their shortest form");
      arc = arc * 128 + (octet & 0x7f);
      if (arc > Number.MAX_SAFE_INTEGER / 128) throw this.#refused(what, "has an arc that is too large");
      fresh = (octet & 0x80) === 0;
      if (fresh) {
        arcs.push(arc);
        arc = 0;
      }
    }
    const [head = 0, ...rest] = arcs;
    const first = Math.min(Math.floor(head / 40), 2);
    return [first, head - first * 40, ...rest].join(".");
  }

  /** UTCTime or GeneralizedTime in the form of RFC 5280 4.1.2.5; milliseconds since 1970. */
  time(what: string): number {
    const long = this.nextTag === TAG.generalizedTime;
    const text = latin1(this.content(long ? TAG.generalizedTime : TAG.utcTime, what));
    const shape = long ? /^\d{14}Z$/ : /^\d{12}Z$/;
    if (!shape.test(text)) throw this.#refused(what, "must be a time in whole seconds and UTC");
    // RFC 5280: two digits from 50 on are of the 20th century.
    const digits = long ? text : `${Number(text.slice(0, 2)) >= 50 ? "19" : "20"}${text}`;
    const iso = digits.replace(/^(....)(..)(..)(..)(..)(..)Z$/, "$1-$2-$3T$4:$5:$6.000Z");
    const atMs = Date.parse(iso);
    if (Number.isNaN(atMs) || new Date(atMs).toISOString() !== iso)
      throw this.#refused(what, `must be a date of the calendar: found ${text}`);
    return atMs;
  }

  #integer(what: string): Uint8Array {
    const content = this.content(TAG.integer, what);
    const [first = 0, second = 0] = content;
    if (content.length === 0 || (content.length > 1 && first === 0 && second < 0x80))
      throw this.#refused(what, "must be an integer in its shortest form");
    if (first & 0x80) throw this.#refused(what, "must not be negative");
    return content;
  }

  #next(tag: number | undefined, what: string): Element {
    const start = this.#at;
    const found = this.#octet(start, what);
    if ((found & 0x1f) === 0x1f) throw this.#refused(what, "has a tag of several octets");
    if (tag !== undefined && found !== tag)
      throw this.#refused(what, `must have tag 0x${tag.toString(16)}: found 0x${found.toString(16)}`);
    const { length, contentStart } = this.#length(start + 1, what);
    if (length > this.#end - contentStart)
      throw this.#refused(what, `claims ${length} octets: ${this.#end - contentStart} are left`);
    this.#at = contentStart + length;
    return { tag: found, start, contentStart, end: this.#at };
  }

  #length(at: number, what: string): { readonly length: number; readonly contentStart: number } {
    const first = this.#octet(at, what);
    if (first < 0x80) return { length: first, contentStart: at + 1 };
    const count = first & 0x7f;
    if (count === 0 || count > 4) throw this.#refused(what, "must have a definite length of at most 4 octets");
    let length = 0;
    for (let i = 1; i <= count; i++) length = length * 256 + this.#octet(at + i, what);
    if (length < 0x80 || length < 256 ** (count - 1))
      throw this.#refused(what, "must have its length in the shortest form");
    return { length, contentStart: at + 1 + count };
  }

  #octet(at: number, what: string): number {
    const octet = at < this.#end ? this.#bytes[at] : undefined;
    if (octet === undefined) throw this.#refused(what, "is cut short");
    return octet;
  }

  #refused(what: string, why: string): CredentialError {
    return new CredentialError(`${what} ${why} (offset ${this.#at})`);
  }
}

/** Octets as text, one character each. */
export const latin1 = (octets: Uint8Array): string =>
  Buffer.from(octets.buffer, octets.byteOffset, octets.length).toString("latin1");

/**
 * The dynamic table of an HPACK decoder (RFC 7541 §2.3.2), its entries as lines of HTTP/1.1: `name: value CRLF` with
 * what is known of the field, so that an indexed field costs a copy and a few numbers.
 *
 * @module
 */
import { FIELD_OVERHEAD_BYTES } from "./hpack-table.ts";
import type { FieldFacts } from "./field-kinds.ts";

/** Bytes of a line beside its name and value: `: ` and CRLF. */
export const LINE_EXTRA_BYTES = 4;
const FIRST_SLOTS = 16;
const FIRST_BYTES = 512;

export class LineTable {
  /** Where the lines are. */
  bytes: Buffer = Buffer.allocUnsafeSlow(FIRST_BYTES);
  /** Of each slot; a ring, newest at {@link newest}. */
  starts = new Int32Array(FIRST_SLOTS);
  nameLengths = new Int32Array(FIRST_SLOTS);
  valueLengths = new Int32Array(FIRST_SLOTS);
  kinds = new Uint8Array(FIRST_SLOTS);
  ids = new Uint8Array(FIRST_SLOTS);
  problems = new Uint8Array(FIRST_SLOTS);
  /** Values of pseudo fields as strings, once they were asked for. */
  texts: (string | undefined)[] = emptyTexts(FIRST_SLOTS);
  count = 0;
  maxBytes: number;
  #newest = 0;
  /** As RFC 7541 §4.1 counts. */
  #sizeBytes = 0;
  /** Behind the newest line. */
  #at = 0;

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes;
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /** Slot of the entry at `position`, 0 the newest; below {@link count}. */
  slot(position: number): number {
    return (this.#newest + position) & (this.starts.length - 1);
  }

  resize(maxBytes: number): void {
    this.maxBytes = maxBytes;
    this.#dropTo(maxBytes);
  }

  /** Takes the line at `start` of `buf`. One larger than the table empties it and is not kept (RFC 7541 §4.4). Returns its slot, or -1. */
  add(buf: Uint8Array, start: number, nameLength: number, valueLength: number, facts: FieldFacts): number {
    const size = nameLength + valueLength + FIELD_OVERHEAD_BYTES;
    this.#dropTo(this.maxBytes - size);
    if (size > this.maxBytes) return -1;
    if (this.count === this.starts.length) this.#growSlots();
    const length = nameLength + valueLength + LINE_EXTRA_BYTES;
    if (this.#at + length > this.bytes.length) this.#makeRoom(length);
    const slot = (this.#newest - 1) & (this.starts.length - 1);
    this.#newest = slot;
    this.count++;
    this.#sizeBytes += size;
    this.starts[slot] = this.#at;
    this.nameLengths[slot] = nameLength;
    this.valueLengths[slot] = valueLength;
    this.kinds[slot] = facts.kind;
    this.ids[slot] = facts.id;
    this.problems[slot] = facts.problem;
    this.texts[slot] = undefined;
    (buf as Buffer).copy(this.bytes, this.#at, start, start + length);
    this.#at += length;
    return slot;
  }

  #dropTo(sizeBytes: number): void {
    while (this.count > 0 && this.#sizeBytes > sizeBytes) {
      const slot = this.slot(--this.count);
      this.#sizeBytes -=
        (this.nameLengths[slot] as number) + (this.valueLengths[slot] as number) + FIELD_OVERHEAD_BYTES;
      this.texts[slot] = undefined;
    }
  }

  /** Moves the lines that are left to the front, of a larger buffer where they fill more than half of this one. */
  #makeRoom(length: number): void {
    const from = this.count === 0 ? this.#at : (this.starts[this.slot(this.count - 1)] as number);
    const used = this.#at - from;
    const needed = (used + length) * 2;
    const target = needed <= this.bytes.length ? this.bytes : Buffer.allocUnsafeSlow(needed);
    this.bytes.copy(target, 0, from, this.#at);
    this.bytes = target;
    this.#at = used;
    for (let i = 0; i < this.count; i++) {
      const slot = this.slot(i);
      this.starts[slot] = (this.starts[slot] as number) - from;
    }
  }

  #growSlots(): void {
    const order = Array.from({ length: this.count }, (_, i) => this.slot(i));
    this.starts = regrown(this.starts, order);
    this.nameLengths = regrown(this.nameLengths, order);
    this.valueLengths = regrown(this.valueLengths, order);
    this.kinds = regrownBytes(this.kinds, order);
    this.ids = regrownBytes(this.ids, order);
    this.problems = regrownBytes(this.problems, order);
    this.texts = order.map((slot) => this.texts[slot]).concat(emptyTexts(order.length));
    this.#newest = 0;
  }
}

const emptyTexts = (count: number): (string | undefined)[] => Array.from({ length: count }, () => undefined);

/** Twice as long, the entries in order from the front. */
function regrown(old: Int32Array, order: readonly number[]): Int32Array<ArrayBuffer> {
  const next = new Int32Array(order.length * 2);
  order.forEach((slot, i) => (next[i] = old[slot] as number));
  return next;
}

function regrownBytes(old: Uint8Array, order: readonly number[]): Uint8Array<ArrayBuffer> {
  const next = new Uint8Array(order.length * 2);
  order.forEach((slot, i) => (next[i] = old[slot] as number));
  return next;
}

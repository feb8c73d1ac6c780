/**
 * The dynamic table of an HPACK encoder: finds the entry that spells a field.
 *
 * @module
 */
import { LOWER } from "../http1/chars.ts";
import { FIELD_OVERHEAD_BYTES, STATIC_COUNT } from "./hpack-table.ts";

/** Entries are found through sets of this many by their hash. */
const WAYS = 4;
const SETS = 64;
/** Hashes of fields that were seen once. */
const SEEN = 128;
const FIRST_SLOTS = 16;
const FIRST_BYTES = 512;

export class EncoderTable {
  #bytes: Buffer = Buffer.allocUnsafeSlow(FIRST_BYTES);
  /** Behind the newest entry's bytes. */
  #at = 0;
  /** Entries that were ever added; the number of the newest. Entry `n` is in slot `n & mask`. */
  #newest = 0;
  #count = 0;
  #sizeBytes = 0;
  #maxBytes: number;
  #starts = new Int32Array(FIRST_SLOTS);
  #nameLengths = new Int32Array(FIRST_SLOTS);
  #valueLengths = new Int32Array(FIRST_SLOTS);
  #hashes = new Int32Array(FIRST_SLOTS);
  readonly #sets = new Int32Array(SETS * WAYS);
  readonly #seen = new Int32Array(SEEN);

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get maxBytes(): number {
    return this.#maxBytes;
  }

  resize(maxBytes: number): void {
    this.#maxBytes = maxBytes;
    this.#dropTo(maxBytes);
  }

  clear(): void {
    this.#dropTo(0);
  }

  /** HPACK index of an entry; 0 when it was dropped. */
  indexOf(entry: number): number {
    const age = this.#newest - entry;
    return age < this.#count ? STATIC_COUNT + 1 + age : 0;
  }

  /** Number of the entry with this hash that is spelled so; 0 when there is none. */
  find(
    hash: number,
    buf: Uint8Array,
    nameStart: number,
    nameEnd: number,
    valueStart: number,
    valueEnd: number,
  ): number {
    const sets = this.#sets;
    const mask = this.#starts.length - 1;
    const first = (hash & (SETS - 1)) * WAYS;
    for (let way = first; way < first + WAYS; way++) {
      const entry = sets[way] as number;
      const age = this.#newest - entry;
      if (entry === 0 || age >= this.#count) continue;
      const slot = entry & mask;
      if (this.#hashes[slot] !== hash) continue;
      if (this.#nameLengths[slot] !== nameEnd - nameStart || this.#valueLengths[slot] !== valueEnd - valueStart)
        continue;
      if (this.#spells(this.#starts[slot] as number, buf, nameStart, nameEnd, valueStart, valueEnd)) return entry;
    }
    return 0;
  }

  #spells(
    start: number,
    buf: Uint8Array,
    nameStart: number,
    nameEnd: number,
    valueStart: number,
    valueEnd: number,
  ): boolean {
    const bytes = this.#bytes;
    let at = start;
    for (let i = nameStart; i < nameEnd; i++) if (bytes[at++] !== LOWER[buf[i] as number]) return false;
    for (let i = valueStart; i < valueEnd; i++) if (bytes[at++] !== buf[i]) return false;
    return true;
  }

  /** Whether a field is worth an entry: it was seen before, not long ago. What never repeats would only push others out. */
  isWorthIt(hash: number): boolean {
    const at = (hash >>> 6) & (SEEN - 1);
    if (this.#seen[at] === hash) return true;
    this.#seen[at] = hash;
    return false;
  }

  /** Adds a field, as the peer will when it reads it. Returns the number of its entry; 0 for one larger than the table, which empties it. */
  add(hash: number, buf: Uint8Array, nameStart: number, nameEnd: number, valueStart: number, valueEnd: number): number {
    const length = nameEnd - nameStart + valueEnd - valueStart;
    const size = length + FIELD_OVERHEAD_BYTES;
    this.#dropTo(this.#maxBytes - size);
    if (size > this.#maxBytes) return 0;
    if (this.#count === this.#starts.length) this.#growSlots();
    if (this.#at + length > this.#bytes.length) this.#makeRoom(length);
    const entry = ++this.#newest;
    this.#count++;
    this.#sizeBytes += size;
    const slot = entry & (this.#starts.length - 1);
    this.#starts[slot] = this.#at;
    this.#nameLengths[slot] = nameEnd - nameStart;
    this.#valueLengths[slot] = valueEnd - valueStart;
    this.#hashes[slot] = hash;
    this.#remember(hash, entry);
    const bytes = this.#bytes;
    for (let i = nameStart; i < nameEnd; i++) bytes[this.#at++] = LOWER[buf[i] as number] as number;
    (buf as Buffer).copy(bytes, this.#at, valueStart, valueEnd);
    this.#at += valueEnd - valueStart;
    return entry;
  }

  /** Notes where an entry is found, in place of the oldest of its set. */
  #remember(hash: number, entry: number): void {
    const sets = this.#sets;
    let oldest = (hash & (SETS - 1)) * WAYS;
    for (let way = oldest + 1, end = oldest + WAYS; way < end; way++)
      if ((sets[way] as number) < (sets[oldest] as number)) oldest = way;
    sets[oldest] = entry;
  }

  #dropTo(sizeBytes: number): void {
    const mask = this.#starts.length - 1;
    while (this.#count > 0 && this.#sizeBytes > sizeBytes) {
      const slot = (this.#newest - --this.#count) & mask;
      this.#sizeBytes -=
        (this.#nameLengths[slot] as number) + (this.#valueLengths[slot] as number) + FIELD_OVERHEAD_BYTES;
    }
  }

  #makeRoom(length: number): void {
    const mask = this.#starts.length - 1;
    const from = this.#count === 0 ? this.#at : (this.#starts[(this.#newest - this.#count + 1) & mask] as number);
    const used = this.#at - from;
    const needed = (used + length) * 2;
    const target = needed <= this.#bytes.length ? this.#bytes : Buffer.allocUnsafeSlow(needed);
    this.#bytes.copy(target, 0, from, this.#at);
    this.#bytes = target;
    this.#at = used;
    for (let i = 0; i < this.#count; i++) {
      const slot = (this.#newest - i) & mask;
      this.#starts[slot] = (this.#starts[slot] as number) - from;
    }
  }

  #growSlots(): void {
    this.#starts = this.#regrown(this.#starts);
    this.#nameLengths = this.#regrown(this.#nameLengths);
    this.#valueLengths = this.#regrown(this.#valueLengths);
    this.#hashes = this.#regrown(this.#hashes);
  }

  /** Twice as long, each entry in the slot of its number. */
  #regrown(old: Int32Array): Int32Array<ArrayBuffer> {
    const next = new Int32Array(old.length * 2);
    for (let i = 0; i < this.#count; i++) {
      const entry = this.#newest - i;
      next[entry & (next.length - 1)] = old[entry & (old.length - 1)] as number;
    }
    return next;
  }
}

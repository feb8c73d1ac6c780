/**
 * The dynamic table of HPACK as strings, RFC 7541 §2.3.2.
 */
import { FIELD_OVERHEAD_BYTES } from "../../../src/wire/http2/hpack-table.ts";

const emptySlots = (count: number): string[] => Array.from({ length: count }, () => "");

/** Fields that were seen lately, newest first; a ring, so that adding and dropping copy nothing. */
export class DynamicTable {
  #names: string[] = emptySlots(16);
  #values: string[] = emptySlots(16);
  #newest = 0;
  #count = 0;
  #bytes = 0;
  #maxBytes: number;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get count(): number {
    return this.#count;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get maxBytes(): number {
    return this.#maxBytes;
  }

  /** Position 0 is the newest. The position must be below `count`. */
  name(position: number): string {
    return this.#names[(this.#newest + position) & (this.#names.length - 1)]!;
  }

  value(position: number): string {
    return this.#values[(this.#newest + position) & (this.#values.length - 1)]!;
  }

  resize(maxBytes: number): void {
    this.#maxBytes = maxBytes;
    this.#dropTo(maxBytes);
  }

  /** A field larger than the table empties it and is not kept, RFC 7541 §4.4. */
  add(name: string, value: string): void {
    const bytes = name.length + value.length + FIELD_OVERHEAD_BYTES;
    this.#dropTo(this.#maxBytes - bytes);
    if (bytes > this.#maxBytes) return;
    if (this.#count === this.#names.length) this.#grow();
    this.#newest = (this.#newest - 1) & (this.#names.length - 1);
    this.#names[this.#newest] = name;
    this.#values[this.#newest] = value;
    this.#count++;
    this.#bytes += bytes;
  }

  #dropTo(bytes: number): void {
    while (this.#count > 0 && this.#bytes > bytes) {
      const slot = (this.#newest + --this.#count) & (this.#names.length - 1);
      this.#bytes -= this.#names[slot]!.length + this.#values[slot]!.length + FIELD_OVERHEAD_BYTES;
      this.#names[slot] = this.#values[slot] = "";
    }
  }

  #grow(): void {
    const names = Array.from({ length: this.#count }, (_, i) => this.name(i));
    const values = Array.from({ length: this.#count }, (_, i) => this.value(i));
    this.#names = names.concat(emptySlots(this.#count));
    this.#values = values.concat(emptySlots(this.#count));
    this.#newest = 0;
  }
}

/**
 * Takes the framing off a chunked body, for a receiver that speaks HTTP/1.0. The bytes have passed {@link BodyScanner},
 * so the framing is known to be right.
 *
 * @module
 */
import { CR, LF } from "./chars.ts";

export class Dechunker {
  #state: "size" | "skip" | "data" | "dataEnd" | "trailers" = "size";
  #left = 0;

  /** The data in `buf[pos, end)`, as views into it. */
  data(buf: Uint8Array, from: number, end: number): Uint8Array[] {
    const found: Uint8Array[] = [];
    let pos = from;
    while (pos < end) {
      if (this.#state !== "data") {
        this.#step(buf[pos++] as number);
        continue;
      }
      const taken = Math.min(this.#left, end - pos);
      found.push(buf.subarray(pos, pos + taken));
      pos += taken;
      this.#left -= taken;
      if (this.#left === 0) this.#state = "dataEnd";
    }
    return found;
  }

  #step(c: number): void {
    if (this.#state === "trailers") return;
    if (this.#state === "dataEnd") {
      if (c === LF) this.#state = "size";
      return;
    }
    if (c === LF) this.#state = this.#left === 0 ? "trailers" : "data";
    else if (c === CR || this.#state === "skip") return;
    else if (c === 0x3b || c === 0x20 || c === 0x09) this.#state = "skip";
    else this.#left = this.#left * 16 + (c <= 57 ? c - 48 : (c | 0x20) - 87);
  }
}

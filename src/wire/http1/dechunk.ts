/**
 * Takes the framing off a chunked body, for a receiver that has another one: HTTP/2, or none in HTTP/1.0. The bytes have
 * passed {@link BodyScanner}, so the framing is known to be right; what it says of trailers is not looked at.
 *
 * @module
 */
import { CR, LF } from "./chars.ts";

export class Dechunker {
  /** First byte of the run that {@link next} found. */
  start = 0;
  #state: "size" | "skip" | "data" | "dataEnd" | "trailers" = "size";
  #left = 0;

  /**
   * Finds the next run of data in `buf[pos, end)`, which begins at {@link start}. Returns the byte behind it, to go on
   * from; -1 when there is none left.
   */
  next(buf: Uint8Array, from: number, end: number): number {
    let pos = from;
    while (pos < end) {
      if (this.#state === "data") return this.#take(pos, end);
      this.#step(buf[pos++] as number);
    }
    return -1;
  }

  #take(pos: number, end: number): number {
    const taken = Math.min(this.#left, end - pos);
    this.start = pos;
    this.#left -= taken;
    if (this.#left === 0) this.#state = "dataEnd";
    return pos + taken;
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

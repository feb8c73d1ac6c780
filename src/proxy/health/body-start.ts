/**
 * The first bytes of a body, without its chunks.
 *
 * @module
 */
import { Dechunker } from "../../wire/http1/dechunk.ts";

export class BodyStart {
  readonly #maxBytes: number;
  readonly #dechunker: Dechunker | undefined;
  #bytes: Buffer = Buffer.alloc(0);

  constructor(maxBytes: number, isChunked: boolean) {
    this.#maxBytes = maxBytes;
    this.#dechunker = isChunked ? new Dechunker() : undefined;
  }

  get bytes(): Buffer {
    return this.#bytes;
  }

  add(buf: Uint8Array, start: number, end: number): void {
    const dechunker = this.#dechunker;
    if (dechunker === undefined) return this.#keep(buf.subarray(start, end));
    for (let to = dechunker.next(buf, start, end); to >= 0; to = dechunker.next(buf, to, end))
      this.#keep(buf.subarray(dechunker.start, to));
  }

  #keep(bytes: Uint8Array): void {
    const room = this.#maxBytes - this.#bytes.length;
    if (room > 0) this.#bytes = Buffer.concat([this.#bytes, bytes.subarray(0, Math.min(room, bytes.length))]);
  }
}

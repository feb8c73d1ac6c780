/**
 * The fields behind a body (RFC 9110 §6.5), as lines like those of a head.
 *
 * @module
 */
import { Head } from "./head.ts";

export class Trailers extends Head {
  /** Reads lines up to and with the empty one; returns as `RequestHead.parse`. `buf` stays unchanged while they are used. */
  parse(buf: Uint8Array, start: number, end: number): number {
    this.buf = buf;
    this.start = start;
    const behind = this.parseLines(buf, start, end);
    if (behind > 0) this.end = behind;
    return behind;
  }

  /** The same lines in bytes of their own. */
  copy(): Trailers {
    const copied = new Trailers();
    const bytes = Buffer.from(this.buf.subarray(this.start, this.end));
    copied.parse(bytes, 0, bytes.length);
    return copied;
  }
}

/**
 * A growing buffer in which one message at a time is put together, so that it leaves in one write.
 *
 * @module
 */
import type { Head } from "./head.ts";

/** A Buffer has this; the types of Bun do not say so. */
type LatinBuffer = Buffer & { latin1Write(text: string, offset: number): number };

const START_BYTES = 32 * 1024;

export class MessageWriter {
  buf = Buffer.allocUnsafeSlow(START_BYTES);
  length = 0;

  reset(): void {
    this.length = 0;
  }

  /** Latin-1 text, one byte a char. */
  text(text: string): void {
    const { length } = this;
    this.#reserve(text.length);
    const { buf } = this;
    if (text.length > 24) this.length = length + (buf as LatinBuffer).latin1Write(text, length);
    else {
      for (let i = 0; i < text.length; i++) buf[length + i] = text.charCodeAt(i);
      this.length = length + text.length;
    }
  }

  bytes(from: Uint8Array, start: number, end: number): void {
    this.#reserve(end - start);
    (from as Buffer).copy(this.buf, this.length, start, end);
    this.length += end - start;
  }

  /** `name: value CRLF`. */
  header(name: string, value: string): void {
    this.text(name);
    this.text(": ");
    this.text(value);
    this.text("\r\n");
  }

  /** The header lines of `head` that `keep` lets through, copied in runs. */
  lines(head: Head, drop: (line: number) => boolean): void {
    const { offsets, count, buf } = head;
    let runStart = -1;
    let runEnd = 0;
    for (let i = 0; i < count; i++) {
      if (drop(i)) {
        if (runStart >= 0) this.bytes(buf, runStart, runEnd);
        runStart = -1;
        continue;
      }
      if (runStart < 0) runStart = offsets[i * 5] as number;
      runEnd = offsets[i * 5 + 4] as number;
    }
    if (runStart >= 0) this.bytes(buf, runStart, runEnd);
  }

  #reserve(more: number): void {
    const needed = this.length + more;
    if (needed <= this.buf.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(needed, this.buf.length * 2));
    this.buf.copy(grown, 0, 0, this.length);
    this.buf = grown;
  }
}

/**
 * A growing buffer in which one message at a time is put together, so that it leaves in one write.
 *
 * @module
 */
import { CHAR, COLON, CR, LF, SP, TOKEN, VALUE } from "./chars.ts";
import type { Head } from "./head.ts";

/** A Buffer has this; the types of Bun do not say so. */
type LatinBuffer = Buffer & { latin1Write(text: string, offset: number): number };

const START_BYTES = 32 * 1024;
/** From here on a native call is cheaper than a loop. */
const LONG_TEXT = 24;
const QUESTION = 0x3f;
const UNDERSCORE = 0x5f;
const BAD_VALUE = /[^\t\x20-\x7e\x80-\xff]/;

const isLatin1 = (text: string): boolean => !/[^\0-\xff]/.test(text);

export class MessageWriter {
  buf = Buffer.allocUnsafeSlow(START_BYTES);
  length = 0;

  reset(): void {
    this.length = 0;
  }

  /** Text as it is, one byte a char. A char that has no byte becomes `?`: cut to its low byte, U+010A would be a line feed. */
  text(text: string): void {
    const { length } = this;
    this.#reserve(text.length);
    const { buf } = this;
    if (text.length > LONG_TEXT && isLatin1(text))
      this.length = length + (buf as LatinBuffer).latin1Write(text, length);
    else {
      for (let i = 0; i < text.length; i++) {
        const c = text.charCodeAt(i);
        buf[length + i] = c > 255 ? QUESTION : c;
      }
      this.length = length + text.length;
    }
  }

  bytes(from: Uint8Array, start: number, end: number): void {
    this.#reserve(end - start);
    (from as Buffer).copy(this.buf, this.length, start, end);
    this.length += end - start;
  }

  /**
   * `name: value CRLF`. What may not stand in a header cannot get out: a control character in the value becomes a
   * space (RFC 9110 §5.5), a forbidden character in the name `_`.
   */
  header(name: string, value: string): void {
    this.#reserve(name.length + value.length + 4);
    this.#part(name, TOKEN, UNDERSCORE);
    const { buf } = this;
    buf[this.length++] = COLON;
    buf[this.length++] = SP;
    this.#part(value, VALUE, SP);
    buf[this.length++] = CR;
    buf[this.length++] = LF;
  }

  /** Writes `text` into room that is there; chars without `bit` become `instead`. */
  #part(text: string, bit: number, instead: number): void {
    const { buf, length } = this;
    this.length = length + text.length;
    if (text.length > LONG_TEXT && bit === VALUE && !BAD_VALUE.test(text)) {
      (buf as LatinBuffer).latin1Write(text, length);
      return;
    }
    for (let i = 0; i < text.length; i++) {
      const c = text.charCodeAt(i);
      buf[length + i] = c > 255 ? QUESTION : (CHAR[c] as number) & bit ? c : instead;
    }
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
      const start = offsets[i * 5] as number;
      // Lines that were taken out of the head leave gaps.
      if (start !== runEnd && runStart >= 0) {
        this.bytes(buf, runStart, runEnd);
        runStart = -1;
      }
      if (runStart < 0) runStart = start;
      runEnd = offsets[i * 5 + 4] as number;
    }
    if (runStart >= 0) this.bytes(buf, runStart, runEnd);
  }

  /** Puts spaces behind the last header line of a whole head: they are not part of its value (RFC 9112 §5). */
  pad(spaces: number): void {
    this.#reserve(spaces);
    const end = this.length - 4;
    this.buf.fill(SP, end, end + spaces);
    this.length = end + spaces;
    this.text("\r\n\r\n");
  }

  #reserve(more: number): void {
    const needed = this.length + more;
    if (needed <= this.buf.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(needed, this.buf.length * 2));
    this.buf.copy(grown, 0, 0, this.length);
    this.buf = grown;
  }
}

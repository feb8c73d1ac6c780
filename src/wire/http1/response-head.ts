/**
 * The head of a response (RFC 9112 §4): status line and headers.
 *
 * @module
 */
import { CHAR, CR, LF, SP, VALUE } from "./chars.ts";
import { BY_LENGTH, CHUNKED, Head, INCOMPLETE, NO_BODY, UNTIL_CLOSE } from "./head.ts";
import { ID } from "./known.ts";

export class ResponseHead extends Head {
  status = 0;
  /** Byte behind `HTTP/1.x NNN`; the reason and the CRLF follow. */
  reasonStart = 0;
  linesStart = 0;

  /**
   * Reads a head that starts at `start`; returns as {@link RequestHead.parse}.
   * @param isToHead The request was HEAD: no body follows whatever the head says (RFC 9112 §6.3).
   */
  parse(buf: Uint8Array, start: number, end: number, isToHead: boolean): number {
    if (this.isTooSoon(buf, start, end)) return INCOMPLETE;
    return this.tried(this.#parse(buf, start, end, isToHead), start, end);
  }

  #parse(buf: Uint8Array, start: number, end: number, isToHead: boolean): number {
    this.buf = buf;
    this.start = start;
    const lines = this.#parseStatusLine(buf, start, end);
    if (lines <= 0) return lines;
    this.linesStart = lines;
    const behind = this.parseLines(buf, lines, end);
    if (behind <= 0) return behind;
    this.end = behind;
    return this.readFraming() && this.#settleBody(isToHead) ? behind : -1;
  }

  #parseStatusLine(buf: Uint8Array, start: number, end: number): number {
    for (let i = 0; i < SHAPE.length; i++) {
      if (start + i >= end) return INCOMPLETE;
      const wanted = SHAPE[i] as number;
      const c = buf[start + i] as number;
      if (wanted === ANY_DIGIT ? c < 0x30 || c > 0x39 : c !== wanted) return this.fail(400, shapeProblem(i));
    }
    const version = buf[start + 7] as number;
    if (version > 0x31) return this.fail(400, shapeProblem(7));
    const status = digit(buf, start + 9) * 100 + digit(buf, start + 10) * 10 + digit(buf, start + 11);
    if (status < 100) return this.fail(400, shapeProblem(9));
    let pos = start + SHAPE.length;
    this.reasonStart = pos;
    if (pos >= end) return INCOMPLETE;
    if (buf[pos] !== SP && buf[pos] !== CR) return this.fail(400, shapeProblem(9));
    while (pos < end && (CHAR[buf[pos] as number] as number) & VALUE) pos++;
    if (pos < end && buf[pos] !== CR) return this.fail(400, "the status line does not end with CRLF");
    if (pos + 1 >= end) return INCOMPLETE;
    if (buf[pos + 1] !== LF) return this.fail(400, "the status line does not end with CRLF");
    this.isVersion11 = version === 0x31;
    this.status = status;
    return pos + 2;
  }

  /** A line that belongs to this connection only. So does a length of 0 where no length may be (RFC 9110 §8.6): Envoy drops it too. */
  override isHopByHop(i: number): boolean {
    return super.isHopByHop(i) || (this.ids[i] === ID["content-length"] && forbidsBody(this.status));
  }

  /** RFC 9112 §6.3, and as Envoy: an interim answer or a 204 that announces a body is refused, since some readers would wait for it. */
  #settleBody(isToHead: boolean): boolean {
    const { status } = this;
    if (forbidsBody(status)) {
      if (this.framing === CHUNKED || (this.framing === BY_LENGTH && this.contentLength > 0))
        return this.refuse(400, `a status ${status} with a body`);
      this.framing = NO_BODY;
    } else if (isToHead || status === 304) {
      this.framing = NO_BODY;
    } else if (this.framing === NO_BODY) {
      this.framing = UNTIL_CLOSE;
      this.keepAlive = false;
    }
    return true;
  }
}

const forbidsBody = (status: number): boolean => status < 200 || status === 204;

/** Stands for a digit in {@link SHAPE}. */
const ANY_DIGIT = 0x30;
const SHAPE = Buffer.from("HTTP/1.0 000");

const digit = (buf: Uint8Array, at: number): number => (buf[at] as number) - 0x30;

const shapeProblem = (at: number): string =>
  at < 9 ? "the answer is not HTTP/1.1" : "the status is not a number of three digits";

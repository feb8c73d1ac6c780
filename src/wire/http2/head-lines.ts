/**
 * Lines of HTTP/1.1 in a buffer of their head's own, as they are put there field by field.
 *
 * @module
 */
import { COLON, CR, LF, SP, TAB } from "../http1/chars.ts";
import type { Head, HeadError } from "../http1/head.ts";
import { LINE_EXTRA_BYTES } from "./line-table.ts";

/** What may be in a field section. */
export interface SectionLimits {
  /** Names and values together, as Envoy counts `max_request_headers_kb`. */
  readonly maxListBytes: number;
  /** Lines of the head (`max_headers_count`). */
  readonly maxHeaders: number;
  /** Extended CONNECT is on (RFC 8441). */
  readonly allowConnect: boolean;
}

const FIRST_BYTES = 512;
/** Where fields go that nobody wants: shared, since a section is decoded in one go. */
const SCRATCH = Buffer.allocUnsafeSlow(16_384);
/** A buffer that grew beyond this is not kept for the next head. */
const MOST_KEPT_BYTES = 16_384;

export abstract class HeadLines {
  protected readonly limits: SectionLimits;
  /** Where lines are written: the head's buffer, or a shared one where nobody wants them. */
  out: Buffer = SCRATCH;
  /** Behind the last line. A literal is written here first, whatever becomes of it. */
  at = 0;
  protected head: Head | undefined;
  protected error: HeadError | undefined;
  #scratch: Buffer = SCRATCH;
  /** Index + 1 of the cookie line. */
  #cookie = 0;

  constructor(limits: SectionLimits) {
    this.limits = limits;
  }

  protected beginLines(head: Head | undefined): void {
    this.head = head;
    this.error = undefined;
    this.at = 0;
    this.#cookie = 0;
    this.#scratch = SCRATCH;
    if (head === undefined) {
      this.out = SCRATCH;
      return;
    }
    if (head.buf.length < FIRST_BYTES || head.buf.length > MOST_KEPT_BYTES || !head.isHttp2)
      head.buf = Buffer.allocUnsafeSlow(FIRST_BYTES);
    this.out = head.buf as Buffer;
    head.isHttp2 = head.isVersion11 = head.keepAlive = true;
    head.start = head.count = head.contentLength = 0;
    head.first.fill(0);
  }

  /** Room for `bytes` at {@link at}. */
  reserve(bytes: number): void {
    const needed = this.at + bytes;
    if (needed <= this.out.length) return;
    const grown = Buffer.allocUnsafeSlow(needed * 2);
    // All of it: a literal that is not a line yet stands behind `at`.
    this.out.copy(grown);
    this.out = grown;
    if (this.head === undefined || this.error !== undefined) this.#scratch = grown;
    else this.head.buf = grown;
  }

  /** Notes what is wrong. The fields that follow are read for the table's sake alone. */
  refuse(status: HeadError["status"], reason: string): void {
    this.error ??= { status, reason };
    this.out = this.#scratch;
    this.at = 0;
  }

  /** Takes the white space off the value at {@link at}; returns its length. */
  protected trim(nameLength: number, valueLength: number): number {
    const { out } = this;
    const start = this.at + nameLength + 2;
    let from = start;
    let to = start + valueLength;
    while (from < to && isWhiteSpace(out[from])) from++;
    while (to > from && isWhiteSpace(out[to - 1])) to--;
    out.copyWithin(start, from, to);
    return to - from;
  }

  /** Makes what is at {@link at} a line of the head. */
  protected line(nameLength: number, valueLength: number, id: number, neverIndexed: boolean): void {
    const head = this.head as Head;
    const { count } = head;
    if (count === this.limits.maxHeaders) return this.refuse(431, `more than ${count} header lines`);
    if (count === head.ids.length) growLines(head);
    const { out, at } = this;
    const { offsets } = head;
    const nameEnd = at + nameLength;
    let valueStart = nameEnd + 2;
    if (neverIndexed) out.copyWithin(--valueStart, valueStart + 1, valueStart + 1 + valueLength);
    const valueEnd = valueStart + valueLength;
    out[nameEnd] = COLON;
    if (!neverIndexed) out[nameEnd + 1] = SP;
    out[valueEnd] = CR;
    out[valueEnd + 1] = LF;
    const o = count * 5;
    offsets[o] = at;
    offsets[o + 1] = nameEnd;
    offsets[o + 2] = valueStart;
    offsets[o + 3] = valueEnd;
    offsets[o + 4] = valueEnd + 2;
    head.ids[count] = id;
    head.count = count + 1;
    if (id !== 0 && head.first[id] === 0) head.first[id] = count + 1;
    this.at = valueEnd + 2;
  }

  /** The second and later ones join the first, which moves to the end for it when it is not there. */
  protected cookieLine(nameLength: number, valueLength: number, neverIndexed: boolean): void {
    const head = this.head as Head;
    if (this.#cookie === 0) {
      this.line(nameLength, valueLength, 0, neverIndexed);
      this.#cookie = head.count;
      return;
    }
    // An empty one would leave white space at the end, which no field may have.
    if (valueLength === 0) return;
    const o = (this.#cookie - 1) * 5;
    const { offsets } = head;
    const from = offsets[o] as number;
    const length = (offsets[o + 3] as number) - from;
    const isLast = offsets[o + 4] === this.at;
    const crumb = this.at + nameLength + 2;
    const crumbLength = valueLength;
    // Room for the line that is there, behind the crumb, which is moved onto its end.
    this.reserve(nameLength + crumbLength * 2 + length + LINE_EXTRA_BYTES + 2);
    const { out } = this;
    const start = isLast ? from : crumb + crumbLength;
    if (!isLast) out.copyWithin(start, from, from + length);
    const joint = start + length;
    out.copyWithin(joint + 2, crumb, crumb + crumbLength);
    out[joint] = SEMICOLON;
    out[joint + 1] = SP;
    const end = joint + 2 + crumbLength;
    out[end] = CR;
    out[end + 1] = LF;
    const move = start - from;
    offsets[o] = start;
    offsets[o + 1] = (offsets[o + 1] as number) + move;
    offsets[o + 2] = (offsets[o + 2] as number) + move;
    offsets[o + 3] = end;
    offsets[o + 4] = this.at = end + 2;
  }
}

const SEMICOLON = 0x3b;

const isWhiteSpace = (c: number | undefined): boolean => c === SP || c === TAB;

function growLines(head: Head): void {
  const { offsets, ids } = head;
  head.offsets = new Int32Array(offsets.length * 2);
  head.offsets.set(offsets);
  head.ids = new Uint8Array(ids.length * 2);
  head.ids.set(ids);
}

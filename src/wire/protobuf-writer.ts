/**
 * Writes protobuf's wire format into one growing buffer. No I/O.
 *
 * A nested message is written in place: {@link ProtobufWriter.begin} leaves one byte for its length, and
 * {@link ProtobufWriter.end} fills it in, moving the bytes on only when the length needs more.
 *
 * Errors: {@link ProtobufError} for a number out of the range of its type and for text with a lone surrogate.
 *
 * @module
 */
import { LENGTH, ProtobufError, type WireType } from "./protobuf.ts";

const utf8 = new TextEncoder();
const TWO_32 = 2 ** 32;
const SURROGATE = /\p{Surrogate}/u;

export class ProtobufWriter {
  #bytes: Uint8Array;
  #view: DataView;
  #at = 0;

  constructor(initialBytes = 256) {
    this.#bytes = new Uint8Array(initialBytes);
    this.#view = new DataView(this.#bytes.buffer);
  }

  /** A copy of what was written. */
  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#at);
  }

  tag(number: number, wireType: WireType): void {
    this.#varint(((number << 3) | wireType) >>> 0);
  }

  uint32(value: number): void {
    this.#varint(integer(value, 0, TWO_32 - 1, "uint32"));
  }

  int32(value: number): void {
    integer(value, -(2 ** 31), 2 ** 31 - 1, "int32");
    if (value >= 0) this.#varint(value);
    else this.#varint64(value >>> 0, TWO_32 - 1);
  }

  uint64(value: number): void {
    integer(value, 0, Number.MAX_SAFE_INTEGER, "uint64");
    this.#varint64(value % TWO_32, Math.floor(value / TWO_32));
  }

  int64(value: number): void {
    integer(value, Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER, "int64");
    const high = Math.floor(value / TWO_32);
    this.#varint64(value - high * TWO_32, high >>> 0);
  }

  bool(value: boolean): void {
    this.#varint(value ? 1 : 0);
  }

  fixed32(value: number): void {
    integer(value, 0, TWO_32 - 1, "fixed32");
    const at = this.#room(4);
    this.#view.setUint32(at, value, true);
  }

  fixed64(value: number): void {
    integer(value, 0, Number.MAX_SAFE_INTEGER, "fixed64");
    const at = this.#room(8);
    this.#view.setUint32(at, value % TWO_32, true);
    this.#view.setUint32(at + 4, Math.floor(value / TWO_32), true);
  }

  float(value: number): void {
    const at = this.#room(4);
    this.#view.setFloat32(at, value, true);
  }

  double(value: number): void {
    const at = this.#room(8);
    this.#view.setFloat64(at, value, true);
  }

  /** Bytes that are fields already. */
  raw(value: Uint8Array): void {
    const at = this.#room(value.length);
    this.#bytes.set(value, at);
  }

  bytes(value: Uint8Array): void {
    this.#varint(value.length);
    const at = this.#room(value.length);
    this.#bytes.set(value, at);
  }

  string(value: string): void {
    const mark = this.begin();
    const at = this.#room(value.length * 3);
    this.#at = at + (this.#ascii(value, at) ? value.length : this.#utf8(value, at));
    this.end(mark);
  }

  /** Opens a length-delimited value. Hand the result to {@link end}. */
  begin(): number {
    return this.#room(1) + 1;
  }

  end(start: number): void {
    const length = this.#at - start;
    if (length < 0x80) {
      this.#bytes[start - 1] = length;
      return;
    }
    const extra = varintBytes(length) - 1;
    this.#room(extra);
    this.#bytes.copyWithin(start + extra, start, start + length);
    this.#at = start - 1;
    this.#varint(length);
    this.#at = start + extra + length;
  }

  /** Opens a message field: its tag, then {@link begin}. */
  beginField(number: number): number {
    this.tag(number, LENGTH);
    return this.begin();
  }

  #ascii(value: string, at: number): boolean {
    for (let i = 0; i < value.length; i++) {
      const code = value.charCodeAt(i);
      if (code > 0x7f) return false;
      this.#bytes[at + i] = code;
    }
    return true;
  }

  #utf8(value: string, at: number): number {
    if (SURROGATE.test(value)) throw new ProtobufError("text has a lone surrogate and so no UTF-8 form");
    return utf8.encodeInto(value, this.#bytes.subarray(at)).written;
  }

  #varint(value: number): void {
    let at = this.#room(5);
    let rest = value;
    while (rest > 0x7f) {
      this.#bytes[at++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    this.#bytes[at++] = rest;
    this.#at = at;
  }

  #varint64(low: number, high: number): void {
    let at = this.#room(10);
    let l = low >>> 0;
    let h = high >>> 0;
    while (h > 0 || l > 0x7f) {
      this.#bytes[at++] = (l & 0x7f) | 0x80;
      l = ((l >>> 7) | (h << 25)) >>> 0;
      h >>>= 7;
    }
    this.#bytes[at++] = l;
    this.#at = at;
  }

  /** Makes room for `length` bytes, moves on past them and returns where they begin. May replace the buffer. */
  #room(length: number): number {
    const at = this.#at;
    const needed = at + length;
    if (needed > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
      grown.set(this.#bytes.subarray(0, at));
      this.#bytes = grown;
      this.#view = new DataView(grown.buffer);
    }
    this.#at = needed;
    return at;
  }
}

function integer(value: number, min: number, max: number, type: string): number {
  if (!Number.isInteger(value) || value < min || value > max) {
    throw new ProtobufError(`${type} must be an integer from ${min} to ${max}: found ${value}`);
  }
  return value;
}

function varintBytes(value: number): number {
  let count = 1;
  for (let rest = value; rest > 0x7f; rest >>>= 7) count++;
  return count;
}

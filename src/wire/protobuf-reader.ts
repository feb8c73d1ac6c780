/**
 * Reads protobuf's wire format from bytes that are all there. No I/O.
 *
 * Nested messages are read in place: {@link ProtobufReader.enter} narrows the reader to the submessage and
 * {@link ProtobufReader.leave} widens it again, so nothing is copied but strings and byte fields.
 *
 * Errors: every method throws {@link ProtobufError} on truncated input, a varint over 10 bytes or out of the range of
 * its type, text that is not UTF-8, nesting over {@link MAX_DEPTH}, and integers that a double cannot hold.
 *
 * @module
 */
import { FIXED32, FIXED64, LENGTH, MAX_DEPTH, ProtobufError, VARINT, type WireType } from "./protobuf.ts";

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const TWO_32 = 2 ** 32;

export class ProtobufReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;
  #end: number;
  #depth = 0;
  /** Low and high half of the varint that was read last. */
  #low = 0;
  #high = 0;
  /** Wire type of the tag that was read last. */
  wireType: WireType = VARINT;
  /** For whoever reads messages: pass over fields that the table does not know. */
  readonly skipsUnknown: boolean;

  constructor(bytes: Uint8Array, skipsUnknown = false) {
    this.skipsUnknown = skipsUnknown;
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#end = bytes.length;
  }

  /** Whether the message that is being read has ended. */
  get done(): boolean {
    return this.#at >= this.#end;
  }

  /** How far it has read. */
  get at(): number {
    return this.#at;
  }

  /** Reads a tag: returns the field number and sets {@link wireType}. */
  tag(): number {
    const tag = this.uint32();
    const type = tag & 7;
    const number = tag >>> 3;
    if (number === 0) throw new ProtobufError("field number 0");
    if (type !== VARINT && type !== FIXED64 && type !== LENGTH && type !== FIXED32) {
      throw new ProtobufError(`field ${number} has wire type ${type}; known are 0, 1, 2 and 5`);
    }
    this.wireType = type;
    return number;
  }

  uint32(): number {
    this.#varint();
    if (this.#high !== 0) throw new ProtobufError("varint exceeds 32 bits");
    return this.#low;
  }

  /** A negative int32 travels as ten bytes, its sign extended to 64 bits. */
  int32(): number {
    this.#varint();
    const value = this.#low | 0;
    if (this.#high !== (value < 0 ? TWO_32 - 1 : 0)) throw new ProtobufError("varint exceeds a signed 32-bit integer");
    return value;
  }

  uint64(): number {
    this.#varint();
    return safe(this.#high * TWO_32 + this.#low);
  }

  int64(): number {
    this.#varint();
    return safe((this.#high | 0) * TWO_32 + this.#low);
  }

  bool(): boolean {
    this.#varint();
    return this.#low !== 0 || this.#high !== 0;
  }

  fixed32(): number {
    return this.#view.getUint32(this.#take(4), true);
  }

  fixed64(): number {
    const at = this.#take(8);
    return safe(this.#view.getUint32(at + 4, true) * TWO_32 + this.#view.getUint32(at, true));
  }

  float(): number {
    return this.#view.getFloat32(this.#take(4), true);
  }

  double(): number {
    return this.#view.getFloat64(this.#take(8), true);
  }

  /** A copy, so that a small field does not keep the whole input in memory. */
  bytes(): Uint8Array {
    const length = this.uint32();
    const at = this.#take(length);
    return this.#bytes.slice(at, at + length);
  }

  /** The bytes in place: whoever keeps them keeps the whole input. */
  view(): Uint8Array {
    const length = this.uint32();
    const at = this.#take(length);
    return this.#bytes.subarray(at, at + length);
  }

  string(): string {
    const length = this.uint32();
    const at = this.#take(length);
    try {
      return utf8.decode(this.#bytes.subarray(at, at + length));
    } catch {
      throw new ProtobufError("text is not UTF-8");
    }
  }

  /** Steps into a length-delimited field. Hand the result to {@link leave} when {@link done}. */
  enter(): number {
    const length = this.uint32();
    const at = this.#take(length);
    if (++this.#depth > MAX_DEPTH) throw new ProtobufError(`messages nest deeper than ${MAX_DEPTH}`);
    const outer = this.#end;
    this.#at = at;
    this.#end = at + length;
    return outer;
  }

  leave(outer: number): void {
    this.#depth--;
    this.#end = outer;
  }

  /** Passes over the value of the tag that was read last. */
  skip(): void {
    if (this.wireType === VARINT) this.#varint();
    else if (this.wireType === LENGTH) this.#take(this.uint32());
    else this.#take(this.wireType === FIXED64 ? 8 : 4);
  }

  #take(length: number): number {
    const at = this.#at;
    if (length > this.#end - at) throw new ProtobufError(`truncated: ${length} bytes wanted, ${this.#end - at} left`);
    this.#at = at + length;
    return at;
  }

  #varint(): void {
    let low = 0;
    let high = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = this.#bytes[this.#take(1)] ?? 0;
      const bits = byte & 0x7f;
      if (shift < 28) low |= bits << shift;
      else if (shift === 28) {
        low |= bits << 28;
        high = bits >>> 4;
      } else high |= bits << (shift - 32);
      if (byte < 0x80) {
        if (shift === 63 && byte > 1) break;
        this.#low = low >>> 0;
        this.#high = high >>> 0;
        return;
      }
    }
    throw new ProtobufError("varint is longer than 64 bits");
  }
}

function safe(value: number): number {
  if (!Number.isSafeInteger(value)) throw new ProtobufError(`64-bit integer near ${value} exceeds 53 bits`);
  return value;
}

/**
 * Drops the fields that a table does not know from an encoded message.
 *
 * Tables refuse unknown fields, which is right for resources: a policy half understood fails open. The envelopes of
 * discovery are another matter: a newer client or server may say more of itself, and must still be served.
 * Resources inside are `Any`, whose bytes are not looked into.
 *
 * @module
 */
import { FIXED32, FIXED64, LENGTH, VARINT } from "../wire/protobuf.ts";
import { decode } from "./types/codec.ts";
import type { Codec } from "./types/field.ts";
import type { Column, MessageType } from "./types/message.ts";

/** @throws {FieldError} If the bytes are malformed. */
export function decodeTolerantly<T>(type: MessageType<T>, bytes: Uint8Array): T {
  const kept = keepKnown(type.columns, bytes);
  return decode(type, kept === undefined ? bytes : Buffer.concat(kept));
}

/** The parts of a message that are known; undefined when that is all of it, or it is malformed, which decoding will say. */
function keepKnown(columns: readonly Column[], bytes: Uint8Array): Uint8Array[] | undefined {
  const parts: Uint8Array[] = [];
  let dropped = false;
  for (let at = 0; at < bytes.length; ) {
    const field = fieldAt(bytes, at);
    if (field === undefined) return undefined;
    const whole = bytes.subarray(at, field.end);
    at = field.end;
    const column = columns.find(({ field: { number } }) => number === field.number);
    const inner = column === undefined ? undefined : keepInner(column, field, bytes);
    dropped ||= column === undefined || inner !== undefined;
    if (column !== undefined) parts.push(...(inner ?? [whole]));
  }
  return dropped ? parts : undefined;
}

/** The field anew with the known parts of the message in it; undefined when nothing is to be dropped. */
function keepInner(
  { field: { codec, cardinality } }: Column,
  field: FieldRange,
  bytes: Uint8Array,
): Uint8Array[] | undefined {
  if (!isMessage(codec) || cardinality === "map") return undefined;
  const inner = keepKnown(codec.columns, bytes.subarray(field.start, field.end));
  if (inner === undefined) return undefined;
  const length = inner.reduce((sum, part) => sum + part.length, 0);
  return [varintBytes((field.number << 3) | LENGTH), varintBytes(length), ...inner];
}

const isMessage = (codec: Codec<unknown>): codec is MessageType<unknown> => "columns" in codec;

interface FieldRange {
  readonly number: number;
  /** Where the value starts and ends. */
  readonly start: number;
  readonly end: number;
}

function fieldAt(bytes: Uint8Array, at: number): FieldRange | undefined {
  const tag = varintAt(bytes, at);
  if (tag === undefined || tag.value >>> 3 === 0) return undefined;
  const range = valueAt(bytes, tag.end, tag.value & 7);
  return range === undefined || range.end > bytes.length ? undefined : { number: tag.value >>> 3, ...range };
}

function valueAt(bytes: Uint8Array, at: number, wireType: number): { start: number; end: number } | undefined {
  switch (wireType) {
    case VARINT: {
      const value = varintAt(bytes, at);
      return value === undefined ? undefined : { start: at, end: value.end };
    }
    case FIXED64:
      return { start: at, end: at + 8 };
    case FIXED32:
      return { start: at, end: at + 4 };
    case LENGTH: {
      const length = varintAt(bytes, at);
      return length === undefined ? undefined : { start: length.end, end: length.end + length.value };
    }
    default:
      return undefined;
  }
}

/** Only the low 32 bits of the value are right: lengths and tags have no more. */
function varintAt(bytes: Uint8Array, at: number): { readonly value: number; readonly end: number } | undefined {
  let value = 0;
  for (let i = 0; i < 10 && at + i < bytes.length; i++) {
    const byte = bytes[at + i]!;
    if (i < 5) value |= (byte & 0x7f) << (7 * i);
    if (byte < 0x80) return { value: value >>> 0, end: at + i + 1 };
  }
  return undefined;
}

function varintBytes(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
  bytes.push(rest);
  return Uint8Array.from(bytes);
}

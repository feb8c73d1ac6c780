/**
 * What the protobuf reader and writer share: wire types, limits and the error.
 *
 * Source: protobuf.dev/programming-guides/encoding.
 * Differs: groups (wire types 3 and 4, gone since proto3) are refused, and so are varints longer than 10 bytes.
 *
 * @module
 */

/** A field of a group of wire types: how many bytes follow the tag. */
export const VARINT = 0;
export const FIXED64 = 1;
export const LENGTH = 2;
export const FIXED32 = 5;

export type WireType = typeof VARINT | typeof FIXED64 | typeof LENGTH | typeof FIXED32;

/** Messages nested deeper are refused, so that hostile bytes cannot exhaust the stack. */
export const MAX_DEPTH = 64;

/** Largest field number, by the specification. */
export const MAX_FIELD_NUMBER = 2 ** 29 - 1;

/** Bytes that are not protobuf, or a value that protobuf cannot carry. */
export class ProtobufError extends Error {
  override readonly name = "ProtobufError";
}

/**
 * Scalar fields, and the wrapper messages (`UInt32Value`, `BoolValue`, …) whose values are plain in memory and in JSON.
 *
 * 64-bit integers are numbers; beyond 2^53 they are refused. In JSON they are text, as protobuf asks.
 *
 * @module
 */
import { FIXED64, LENGTH, ProtobufError, VARINT } from "../../wire/protobuf.ts";
import type { ProtobufReader } from "../../wire/protobuf-reader.ts";
import { type Codec, expectWireType, type Field, of } from "./field.ts";
import { FieldError, kindOf } from "./field-error.ts";

const UINT32_MAX = 2 ** 32 - 1;
const same = <T>(value: T): T => value;

const STRING: Codec<string> = {
  name: "string",
  wireType: LENGTH,
  write: (to, value) => to.string(value),
  read: (from) => from.string(),
  fromJson: (value) => expect(value, "string"),
  toJson: same,
};

const BOOL: Codec<boolean> = {
  name: "bool",
  wireType: VARINT,
  write: (to, value) => to.bool(value),
  read: (from) => from.bool(),
  fromJson: (value) => expect(value, "boolean"),
  toJson: same,
};

const UINT32: Codec<number> = {
  name: "uint32",
  wireType: VARINT,
  write: (to, value) => to.uint32(value),
  read: (from) => from.uint32(),
  fromJson: (value) => integer(value, 0, UINT32_MAX),
  toJson: same,
};

const INT32: Codec<number> = {
  name: "int32",
  wireType: VARINT,
  write: (to, value) => to.int32(value),
  read: (from) => from.int32(),
  fromJson: (value) => integer(value, -(2 ** 31), 2 ** 31 - 1),
  toJson: same,
};

const UINT64: Codec<number> = {
  name: "uint64",
  wireType: VARINT,
  write: (to, value) => to.uint64(value),
  read: (from) => from.uint64(),
  fromJson: (value) => integer(value, 0, Number.MAX_SAFE_INTEGER),
  toJson: String,
};

const INT64: Codec<number> = {
  name: "int64",
  wireType: VARINT,
  write: (to, value) => to.int64(value),
  read: (from) => from.int64(),
  fromJson: (value) => integer(value, Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER),
  toJson: String,
};

const DOUBLE: Codec<number> = {
  name: "double",
  wireType: FIXED64,
  write: (to, value) => to.double(value),
  read: (from) => from.double(),
  fromJson: (value) => real(value),
  toJson: realToJson,
};

const BYTES: Codec<Uint8Array> = {
  name: "bytes",
  wireType: LENGTH,
  write: (to, value) => to.bytes(value),
  read: (from) => from.bytes(),
  fromJson: base64,
  toJson: (value) => Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("base64"),
};

export const string = (number: number): Field<string> => of(number, STRING);
export const bool = (number: number): Field<boolean> => of(number, BOOL);
export const uint32 = (number: number): Field<number> => of(number, UINT32);
export const int32 = (number: number): Field<number> => of(number, INT32);
export const uint64 = (number: number): Field<number> => of(number, UINT64);
export const int64 = (number: number): Field<number> => of(number, INT64);
export const double = (number: number): Field<number> => of(number, DOUBLE);
export const bytes = (number: number): Field<Uint8Array> => of(number, BYTES);

const STRING_VALUE = wrapper("google.protobuf.StringValue", STRING, "");
const BOOL_VALUE = wrapper("google.protobuf.BoolValue", BOOL, false);
const UINT32_VALUE = wrapper("google.protobuf.UInt32Value", UINT32, 0);
const UINT64_VALUE = wrapper("google.protobuf.UInt64Value", UINT64, 0);
const DOUBLE_VALUE = wrapper("google.protobuf.DoubleValue", DOUBLE, 0);

export const stringValue = (number: number): Field<string> => of(number, STRING_VALUE);
export const boolValue = (number: number): Field<boolean> => of(number, BOOL_VALUE);
export const uint32Value = (number: number): Field<number> => of(number, UINT32_VALUE);
export const uint64Value = (number: number): Field<number> => of(number, UINT64_VALUE);
export const doubleValue = (number: number): Field<number> => of(number, DOUBLE_VALUE);

/** A message with one field `value = 1`. Its zero travels as an empty message, as other encoders write it. */
function wrapper<T>(name: string, codec: Codec<T>, zero: T): Codec<T> {
  return {
    name,
    wireType: LENGTH,
    write(to, value) {
      const mark = to.begin();
      if (value !== zero) {
        to.tag(1, codec.wireType);
        codec.write(to, value);
      }
      to.end(mark);
    },
    read: (from) => readWrapped(from, codec, zero),
    fromJson: (value, depth) => codec.fromJson(value, depth),
    toJson: (value) => codec.toJson(value),
  };
}

function readWrapped<T>(from: ProtobufReader, codec: Codec<T>, zero: T): T {
  const outer = from.enter();
  let value = zero;
  while (!from.done) {
    const number = from.tag();
    if (number !== 1) throw new ProtobufError(`unknown field number ${number} in a wrapper`);
    expectWireType(from, codec.wireType);
    value = codec.read(from);
  }
  from.leave(outer);
  return value;
}

function expect(value: unknown, type: "string"): string;
function expect(value: unknown, type: "boolean"): boolean;
function expect(value: unknown, type: "string" | "boolean"): unknown {
  if (typeof value !== type) throw new FieldError(`expected a ${type}, found ${kindOf(value)}`);
  return value;
}

function integer(value: unknown, min: number, max: number): number {
  const number = typeof value === "string" && /^-?\d{1,20}$/.test(value) ? Number(value) : value;
  if (typeof number !== "number") throw new FieldError(`expected an integer, found ${kindOf(value)}`);
  if (Number.isInteger(number) && number >= min && number <= max) return number;
  throw new FieldError(`expected an integer from ${min} to ${max}, found ${number}`);
}

function real(value: unknown): number {
  if (typeof value === "number") return value;
  if (typeof value === "string" && /^(NaN|-?Infinity|-?\d+(\.\d+)?([eE][-+]?\d+)?)$/.test(value)) return Number(value);
  throw new FieldError(`expected a number, found ${kindOf(value)}`);
}

function realToJson(value: number): number | string {
  return Number.isFinite(value) ? value : String(value);
}

function base64(value: unknown): Uint8Array {
  const text = expect(value, "string");
  if (!/^[\w+/-]*={0,2}$/.test(text)) throw new FieldError("expected base64, found other characters");
  return new Uint8Array(Buffer.from(text, "base64"));
}

/**
 * Random messages of a table, for tests.
 *
 * @module
 */
import * as fc from "fast-check";
import { LENGTH, VARINT } from "../../src/wire/protobuf.ts";
import { pack } from "../../src/xds/types/any.ts";
import type { Codec } from "../../src/xds/types/field.ts";
import type { Column, MessageType } from "../../src/xds/types/message.ts";
import { typeOfUrl } from "../../src/xds/types/registry.ts";
import { Locality } from "../../src/xds/proto/core-base.ts";
import { FractionalPercent } from "../../src/xds/proto/type.ts";
import { NEWER } from "./protos.ts";

type Loose = Record<string, unknown>;

const uint32 = fc.oneof(fc.nat(3), fc.integer({ min: 0, max: 2 ** 32 - 1 }));
const int32 = fc.oneof(fc.integer({ min: -3, max: 3 }), fc.integer());
const uint64 = fc.oneof(fc.nat(3), fc.maxSafeNat());
const int64 = fc.oneof(fc.integer({ min: -3, max: 3 }), fc.maxSafeInteger());
const double = fc.double({ noNaN: true }).map((n) => n + 0 || 0);
const float = fc.float({ noNaN: true }).map((n) => n || 0);
const text = fc.string({ unit: "binary", maxLength: 12 });
const bytes = fc.uint8Array({ maxLength: 12 });
const json = fc.jsonValue({ maxDepth: 2 }).map(withoutMinusZero);
const durationMs = fc.oneof(
  fc.integer({ min: -10_000, max: 10_000 }),
  fc.integer({ min: -1e12, max: 1e12 }).map((microseconds) => microseconds / 1000),
);
const any = fc.oneof(
  fc
    .record({ region: text, zone: text }, { requiredKeys: [] })
    .map((m) => pack(Locality, normal(Locality, m) as Locality)),
  fc
    .record({ numerator: uint32 }, { requiredKeys: [] })
    .map((m) => pack(FractionalPercent, normal(FractionalPercent, m))),
);

const SCALARS: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  string: text,
  bool: fc.boolean(),
  uint32,
  int32,
  uint64,
  int64,
  float,
  double,
  bytes,
  "google.protobuf.StringValue": text,
  "google.protobuf.BoolValue": fc.boolean(),
  "google.protobuf.UInt32Value": uint32,
  "google.protobuf.UInt64Value": uint64,
  "google.protobuf.DoubleValue": double,
  "google.protobuf.Duration": durationMs,
  "google.protobuf.Timestamp": fc.integer({ min: -62_135_596_800_000, max: 253_402_300_799_999 }),
  "google.protobuf.Struct": fc.dictionary(text, json, { maxKeys: 3 }),
  "google.protobuf.Value": json,
  "google.protobuf.Any": any,
};

/** Messages of `type` in the form that a decoder gives: without empty lists and maps, and without zeros that do not travel. */
export function messages(type: MessageType<unknown>, depth = 3): fc.Arbitrary<Loose> {
  const known = CACHE.get(type)?.[depth];
  if (known !== undefined) return known;
  const made = build(type, depth).map((message) => normal(type, message));
  CACHE.set(type, { ...CACHE.get(type), [depth]: made });
  return made;
}

const CACHE = new Map<unknown, Readonly<Record<number, fc.Arbitrary<Loose>>>>();

function build(type: MessageType<unknown>, depth: number): fc.Arbitrary<Loose> {
  const alone: Record<string, fc.Arbitrary<unknown>> = {};
  const groups: Record<string, fc.Arbitrary<Loose>[]> = {};
  for (const column of type.columns) {
    if (depth === 0 && !isLeaf(column.field.codec)) continue;
    if (NEWER.has(`${type.name}.${column.protoName}`)) continue;
    const arbitrary = values(column, depth);
    const group = column.field.options.oneof;
    if (group === undefined) alone[column.key] = arbitrary;
    else (groups[group] ??= [fc.constant({})]).push(arbitrary.map((value) => ({ [column.key]: value })));
  }
  const parts = [
    fc.record(alone, { requiredKeys: [] }),
    ...Object.values(groups).map((members) => fc.oneof(...members)),
  ];
  return fc.tuple(...parts).map((found) => Object.assign({}, ...found) as Loose);
}

function values({ field }: Column, depth: number): fc.Arbitrary<unknown> {
  const one = valueOf(field.codec, depth);
  if (field.cardinality === "many") return fc.array(one, { maxLength: 3 });
  if (field.cardinality === "map") return fc.dictionary(text, one, { maxKeys: 3 });
  return one;
}

function valueOf(codec: Codec<unknown>, depth: number): fc.Arbitrary<unknown> {
  const scalar = SCALARS[codec.name];
  if (scalar !== undefined) return scalar;
  if (isMessage(codec)) return messages(codec, depth - 1);
  if (isEnum(codec)) return fc.constantFrom(...Object.keys(codec.numbers));
  // A redacted codec stands before the message that it names.
  const hidden = typeOfUrl(codec.name);
  if (hidden === undefined) throw new Error(`no values for ${codec.name}`);
  return messages(hidden, depth - 1);
}

const isLeaf = (codec: Codec<unknown>): boolean => codec.name in SCALARS || isEnum(codec);

/** Leaves out what an encoder of proto3 leaves out: zeros outside a oneof, empty lists and maps. */
function normal(type: MessageType<unknown>, message: Loose): Loose {
  const kept: Loose = {};
  for (const { key, field } of type.columns) {
    const value = message[key];
    if (value === undefined) continue;
    const implicit = field.options.oneof === undefined && field.cardinality === "one";
    if (implicit && isZero(field.codec, value)) continue;
    if (field.cardinality !== "one" && Object.keys(value as object).length === 0) continue;
    kept[key] = value;
  }
  return kept;
}

function isZero(codec: Codec<unknown>, value: unknown): boolean {
  if (codec.name.startsWith("google.protobuf.")) return false;
  if (isEnum(codec)) return codec.numbers[value as string] === 0;
  return value === 0 || value === "" || value === false || (value instanceof Uint8Array && value.length === 0);
}

function withoutMinusZero(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}

function isMessage(codec: Codec<unknown>): codec is MessageType<unknown> {
  return codec.wireType === LENGTH && "columns" in codec;
}

export function isEnum(
  codec: Codec<unknown>,
): codec is Codec<unknown> & { readonly numbers: Readonly<Record<string, number>> } {
  return codec.wireType === VARINT && "numbers" in codec;
}

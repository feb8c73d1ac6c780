/**
 * Struct, Value and ListValue: JSON inside protobuf, plain JSON in memory.
 *
 * @module
 */
import { FIXED64, LENGTH, ProtobufError, VARINT } from "../../wire/protobuf.ts";
import type { ProtobufReader } from "../../wire/protobuf-reader.ts";
import type { ProtobufWriter } from "../../wire/protobuf-writer.ts";
import { type Codec, expectObject, expectWireType, type Field, inside, MAX_JSON_DEPTH, of, put } from "./field.ts";
import { FieldError, keySegment, kindOf } from "./field-error.ts";

export type JsonValue = null | boolean | number | string | readonly JsonValue[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: JsonValue;
}

const VALUE: Codec<JsonValue> = {
  name: "google.protobuf.Value",
  wireType: LENGTH,
  takesNull: true,
  write: writeValue,
  read: readValue,
  fromJson: checkJson,
  toJson: (value) => value,
};

const STRUCT: Codec<JsonObject> = {
  name: "google.protobuf.Struct",
  wireType: LENGTH,
  write: writeStruct,
  read: readStruct,
  fromJson: (value, depth) => checkJson(expectObject(value, "google.protobuf.Struct"), depth) as JsonObject,
  toJson: (value) => value,
};

export const struct = (number: number): Field<JsonObject> => of(number, STRUCT);
export const value = (number: number): Field<JsonValue> => of(number, VALUE);

function writeValue(to: ProtobufWriter, json: JsonValue): void {
  const mark = to.begin();
  if (json === null) {
    to.tag(1, VARINT);
    to.uint32(0);
  } else if (typeof json === "number") {
    to.tag(2, FIXED64);
    to.double(json);
  } else if (typeof json === "string") {
    to.tag(3, LENGTH);
    to.string(json);
  } else if (typeof json === "boolean") {
    to.tag(4, VARINT);
    to.bool(json);
  } else if (isList(json)) {
    to.tag(6, LENGTH);
    writeList(to, json);
  } else {
    to.tag(5, LENGTH);
    writeStruct(to, json);
  }
  to.end(mark);
}

function writeStruct(to: ProtobufWriter, json: JsonObject): void {
  const mark = to.begin();
  for (const key of Object.keys(json).sort()) {
    const entry = to.beginField(1);
    to.tag(1, LENGTH);
    to.string(key);
    to.tag(2, LENGTH);
    writeValue(to, json[key] ?? null);
    to.end(entry);
  }
  to.end(mark);
}

function writeList(to: ProtobufWriter, list: readonly JsonValue[]): void {
  const mark = to.begin();
  for (const item of list) {
    to.tag(1, LENGTH);
    writeValue(to, item);
  }
  to.end(mark);
}

function readValue(from: ProtobufReader): JsonValue {
  const outer = from.enter();
  let found: JsonValue | undefined;
  while (!from.done) {
    const number = from.tag();
    if (found !== undefined) throw new ProtobufError("a Value holds two values");
    found = readKind(from, number);
  }
  from.leave(outer);
  if (found === undefined) throw new ProtobufError("a Value holds no value");
  return found;
}

function readKind(from: ProtobufReader, number: number): JsonValue {
  expectWireType(from, number === 2 ? FIXED64 : number === 1 || number === 4 ? VARINT : LENGTH);
  switch (number) {
    case 1:
      from.uint32();
      return null;
    case 2:
      return from.double();
    case 3:
      return from.string();
    case 4:
      return from.bool();
    case 5:
      return readStruct(from);
    case 6:
      return readList(from);
    default:
      throw new ProtobufError(`unknown field number ${number} in google.protobuf.Value`);
  }
}

function readStruct(from: ProtobufReader): JsonObject {
  const outer = from.enter();
  const json: Record<string, JsonValue> = {};
  while (!from.done) {
    if (from.tag() !== 1) throw new ProtobufError("unknown field number in google.protobuf.Struct");
    expectWireType(from, LENGTH);
    readEntry(from, json);
  }
  from.leave(outer);
  return json;
}

function readEntry(from: ProtobufReader, json: Record<string, JsonValue>): void {
  const outer = from.enter();
  let key = "";
  let item: JsonValue | undefined;
  while (!from.done) {
    const number = from.tag();
    expectWireType(from, LENGTH);
    if (number === 1) key = from.string();
    else if (number === 2) item = inside(keySegment(key), () => readValue(from));
    else throw new ProtobufError(`unknown field number ${number} in an entry of google.protobuf.Struct`);
  }
  from.leave(outer);
  if (item === undefined) throw new FieldError("the entry has no value", keySegment(key));
  if (Object.hasOwn(json, key)) throw new FieldError("the key is given twice", keySegment(key));
  put(json, key, item);
}

function readList(from: ProtobufReader): readonly JsonValue[] {
  const outer = from.enter();
  const list: JsonValue[] = [];
  while (!from.done) {
    if (from.tag() !== 1) throw new ProtobufError("unknown field number in google.protobuf.ListValue");
    expectWireType(from, LENGTH);
    list.push(readValue(from));
  }
  from.leave(outer);
  return list;
}

const isList = (json: JsonValue): json is readonly JsonValue[] => Array.isArray(json);

/** Copies `json`, so that a later change of the caller's object does not reach the message. */
function checkJson(json: unknown, depth: number): JsonValue {
  if (depth > MAX_JSON_DEPTH) throw new FieldError(`JSON nests deeper than ${MAX_JSON_DEPTH}`);
  if (json === null || typeof json === "string" || typeof json === "boolean") return json;
  if (typeof json === "number" && Number.isFinite(json)) return json;
  if (Array.isArray(json)) return json.map((item: unknown, i) => inside(`[${i}]`, () => checkJson(item, depth + 1)));
  if (typeof json !== "object") throw new FieldError(`expected JSON, found ${kindOf(json)}`);
  const copy: Record<string, JsonValue> = {};
  for (const [key, item] of Object.entries(json))
    put(
      copy,
      key,
      inside(keySegment(key), () => checkJson(item, depth + 1)),
    );
  return copy;
}

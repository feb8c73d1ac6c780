/**
 * The columns of a message table: a field's number, the codec of its values and how many there may be.
 *
 * @module
 */
import { LENGTH, ProtobufError, type WireType } from "../../wire/protobuf.ts";
import type { ProtobufReader } from "../../wire/protobuf-reader.ts";
import type { ProtobufWriter } from "../../wire/protobuf-writer.ts";
import { FieldError, keySegment, kindOf, within } from "./field-error.ts";

/** JSON nested deeper is refused, as on the wire. */
export const MAX_JSON_DEPTH = 64;

/** How one value travels: after the tag on the wire, and as JSON. */
export interface Codec<T> {
  /** The protobuf type: `string`, `envoy.config.core.v3.Address`. */
  readonly name: string;
  readonly wireType: WireType;
  write(to: ProtobufWriter, value: T): void;
  read(from: ProtobufReader): T;
  /** @throws {FieldError} If `value` is not this type's JSON form. */
  fromJson(value: unknown, depth: number): T;
  toJson(value: T): unknown;
  /** JSON `null` is a value of this type, and not an absent field. */
  readonly takesNull?: boolean;
}

export interface Field<T> {
  readonly number: number;
  readonly codec: Codec<unknown>;
  readonly cardinality: "one" | "many" | "map";
  /** The group of which only one member may be set. */
  readonly oneof?: string;
  /** The field's name in the .proto file, where it does not follow from its name in the table. */
  readonly protoName?: string;
  write(to: ProtobufWriter, value: T): void;
  read(from: ProtobufReader, before: T | undefined): T;
  fromJson(value: unknown, depth: number): T;
  /** `undefined` where nothing is to be printed. */
  toJson(value: T): unknown;
}

/** A field of a message, an enum or any other codec: `of(4, RetryPolicy)`. */
export function of<T>(number: number, codec: Codec<T>): Field<T> {
  return lazy(number, () => codec);
}

/** As {@link of}, for a message that contains itself and so is not there yet when its table is written. */
export function lazy<T>(number: number, codec: () => Codec<T>): Field<T> {
  return {
    number,
    cardinality: "one",
    get codec() {
      return codec();
    },
    write(to, value) {
      const type = codec();
      to.tag(number, type.wireType);
      type.write(to, value);
    },
    read(from, before) {
      const type = codec();
      if (before !== undefined) throw new ProtobufError("the field is given twice");
      expectWireType(from, type.wireType);
      return type.read(from);
    },
    fromJson: (value, depth) => codec().fromJson(value, depth),
    toJson: (value) => codec().toJson(value),
  };
}

/** A list: `repeated(string(7))`. Scalars are written packed and read either way. */
export function repeated<T>(one: Field<T>): Field<readonly T[]> {
  const { number } = one;
  return {
    number,
    cardinality: "many",
    get codec() {
      return one.codec;
    },
    write(to, values) {
      if (one.codec.wireType === LENGTH) for (const [i, value] of values.entries()) writeItem(to, one, value, i);
      else if (values.length > 0) writePacked(to, number, one.codec, values);
    },
    read(from, before = []) {
      // The list is this reader's own until the message is handed out: appending in place keeps long lists linear.
      const list = before as T[];
      try {
        if (from.wireType === LENGTH && one.codec.wireType !== LENGTH) readPacked(from, one.codec as Codec<T>, list);
        else list.push(one.read(from, undefined));
      } catch (error) {
        throw within(error, `[${list.length}]`);
      }
      return list;
    },
    fromJson(value, depth) {
      if (!Array.isArray(value)) throw new FieldError(`expected a list of ${one.codec.name}, found ${kindOf(value)}`);
      return value.map((item: unknown, i) => inside(`[${i}]`, () => one.fromJson(item, depth)));
    },
    toJson: (values) => (values.length === 0 ? undefined : values.map((value) => one.toJson(value))),
  };
}

/** A map with text keys: `map(of(2, Policy))` is field 2, `map<string, Policy>`. Written in the order of the keys. */
export function map<T>(entry: Field<T>): Field<Readonly<Record<string, T>>> {
  const { number } = entry;
  const codec = (): Codec<T> => entry.codec as Codec<T>;
  return {
    number,
    cardinality: "map",
    get codec() {
      return entry.codec;
    },
    write(to, values) {
      for (const key of Object.keys(values).sort()) writeEntry(to, number, codec(), key, values[key] as T);
    },
    read(from, before = {}) {
      expectWireType(from, LENGTH);
      const [key, value] = readEntry(from, codec());
      if (Object.hasOwn(before, key)) throw new FieldError("the key is given twice", keySegment(key));
      return put(before, key, value);
    },
    fromJson(value, depth) {
      const record: Record<string, T> = {};
      for (const [key, item] of Object.entries(expectObject(value, `map of ${entry.codec.name}`))) {
        put(
          record,
          key,
          inside(keySegment(key), () => entry.fromJson(item, depth)),
        );
      }
      return record;
    },
    toJson(values) {
      const keys = Object.keys(values).sort();
      if (keys.length === 0) return undefined;
      const out: Record<string, unknown> = {};
      for (const key of keys) put(out, key, entry.toJson(values[key] as T));
      return out;
    },
  };
}

/** Fields of which only one may be set: `...oneof("action", { route: of(2, RouteAction), redirect: … })`. */
export function oneof<const F extends Readonly<Record<string, Field<unknown>>>>(group: string, fields: F): F {
  const grouped: Record<string, Field<unknown>> = {};
  for (const [key, field] of Object.entries(fields)) grouped[key] = extend(field, { oneof: group });
  return grouped as F;
}

/** A field whose name in the .proto file does not follow from the table's: `named("consecutive_5xx", uint32Value(1))`. */
export function named<T>(protoName: string, field: Field<T>): Field<T> {
  return extend(field, { protoName });
}

/** A field that holds a secret: JSON for people shows what `hide` leaves of it. The wire is not changed. */
export function redacted<T>(field: Field<T>, hide: (value: T) => T): Field<T> {
  return extend(field, { toJson: (value: T) => field.toJson(hide(value)) });
}

/** Sets an own property, whatever its name: plain assignment would take `__proto__` for the prototype. */
export function put<T>(record: Readonly<Record<string, T>>, key: string, value: T): Record<string, T> {
  if (key === "__proto__") Object.defineProperty(record, key, { value, enumerable: true, writable: true });
  else (record as Record<string, T>)[key] = value;
  return record;
}

export function expectObject(value: unknown, what: string): Readonly<Record<string, unknown>> {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new FieldError(`expected an object (${what}), found ${kindOf(value)}`);
}

export function expectWireType(from: ProtobufReader, wireType: WireType): void {
  if (from.wireType !== wireType) throw new ProtobufError(`wire type ${wireType} expected, found ${from.wireType}`);
}

/** Runs `body`; an error from it gets `segment` put before its path. */
export function inside<T>(segment: string, body: () => T): T {
  try {
    return body();
  } catch (error) {
    throw within(error, segment);
  }
}

/** A copy of `field` with some members replaced; accessors stay accessors, since a lazy codec may not be there yet. */
function extend<T>(field: Field<T>, members: Partial<Field<T>>): Field<T> {
  return Object.defineProperties(
    {},
    {
      ...Object.getOwnPropertyDescriptors(field),
      ...Object.getOwnPropertyDescriptors(members),
    },
  ) as Field<T>;
}

function writeItem<T>(to: ProtobufWriter, one: Field<T>, value: T, index: number): void {
  try {
    one.write(to, value);
  } catch (error) {
    throw within(error, `[${index}]`);
  }
}

function writePacked(to: ProtobufWriter, number: number, codec: Codec<unknown>, values: readonly unknown[]): void {
  const mark = to.beginField(number);
  for (const value of values) codec.write(to, value);
  to.end(mark);
}

function readPacked<T>(from: ProtobufReader, codec: Codec<T>, list: T[]): void {
  const outer = from.enter();
  while (!from.done) list.push(codec.read(from));
  from.leave(outer);
}

function writeEntry<T>(to: ProtobufWriter, number: number, codec: Codec<T>, key: string, value: T): void {
  const mark = to.beginField(number);
  to.tag(1, LENGTH);
  to.string(key);
  to.tag(2, codec.wireType);
  inside(keySegment(key), () => codec.write(to, value));
  to.end(mark);
}

function readEntry<T>(from: ProtobufReader, codec: Codec<T>): readonly [string, T] {
  const outer = from.enter();
  let key = "";
  let value: T | undefined;
  while (!from.done) {
    const number = from.tag();
    if (number === 1) {
      expectWireType(from, LENGTH);
      key = from.string();
    } else if (number === 2) {
      expectWireType(from, codec.wireType);
      value = inside(keySegment(key), () => codec.read(from));
    } else throw new FieldError(`unknown field number ${number} in a map's entry`, keySegment(key));
  }
  from.leave(outer);
  if (value === undefined) throw new FieldError("the entry has no value", keySegment(key));
  return [key, value];
}

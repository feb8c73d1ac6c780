/**
 * The columns of a message table: a field's number, the codec of its values and how many there may be.
 *
 * @module
 */
import { ProtobufError, type WireType } from "../../wire/protobuf.ts";
import type { ProtobufReader } from "../../wire/protobuf-reader.ts";
import type { ProtobufWriter } from "../../wire/protobuf-writer.ts";
import { FieldError, kindOf, within } from "./field-error.ts";

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

export interface FieldOptions {
  /** The group of which only one member may be set. */
  readonly oneof?: string | undefined;
  /** The field's name in the .proto file, where it does not follow from its name in the table. */
  readonly protoName?: string | undefined;
}

export interface Field<T> {
  readonly number: number;
  readonly codec: Codec<unknown>;
  readonly cardinality: "one" | "many" | "map";
  readonly options: FieldOptions;
  /** The same field with more options. */
  with(options: FieldOptions): Field<T>;
  write(to: ProtobufWriter, value: T): void;
  read(from: ProtobufReader, before: T | undefined): T;
  fromJson(value: unknown, depth: number): T;
  /** `undefined` where nothing is to be printed. */
  toJson(value: T): unknown;
}

export const NO_OPTIONS: FieldOptions = {};

/** A field of a message, an enum or any other codec: `of(4, RetryPolicy)`. */
export function of<T>(number: number, codec: Codec<T>): Field<T> {
  return new One(number, codec, NO_OPTIONS);
}

/** As {@link of}, for a message that contains itself and so is not there yet when its table is written. */
export function lazy<T>(number: number, codec: () => Codec<T>): Field<T> {
  return new One(number, codec, NO_OPTIONS);
}

// Classes, and not closures: a process has about a thousand fields, and a sidecar is small.

class One<T> implements Field<T> {
  readonly number: number;
  readonly options: FieldOptions;
  readonly #codec: Codec<T> | (() => Codec<T>);

  constructor(number: number, codec: Codec<T> | (() => Codec<T>), options: FieldOptions) {
    this.number = number;
    this.#codec = codec;
    this.options = options;
  }

  get cardinality(): "one" {
    return "one";
  }

  get codec(): Codec<T> {
    return typeof this.#codec === "function" ? this.#codec() : this.#codec;
  }

  with(options: FieldOptions): Field<T> {
    return new One(this.number, this.#codec, { ...this.options, ...options });
  }

  write(to: ProtobufWriter, value: T): void {
    const { codec } = this;
    to.tag(this.number, codec.wireType);
    codec.write(to, value);
  }

  read(from: ProtobufReader, before: T | undefined): T {
    const { codec } = this;
    if (before !== undefined) throw new ProtobufError("the field is given twice");
    expectWireType(from, codec.wireType);
    return codec.read(from);
  }

  fromJson(value: unknown, depth: number): T {
    return this.codec.fromJson(value, depth);
  }

  toJson(value: T): unknown {
    return this.codec.toJson(value);
  }
}

/** Fields of which only one may be set: `...oneof("action", { route: of(2, RouteAction), redirect: … })`. */
export function oneof<const F extends Readonly<Record<string, Field<unknown>>>>(group: string, fields: F): F {
  const grouped: Record<string, Field<unknown>> = {};
  for (const [key, field] of Object.entries(fields)) grouped[key] = field.with({ oneof: group });
  return grouped as F;
}

/** A field whose name in the .proto file does not follow from the table's: `named("consecutive_5xx", uint32Value(1))`. */
export function named<T>(protoName: string, field: Field<T>): Field<T> {
  return field.with({ protoName });
}

/** A codec whose JSON, which is for people, shows what `hide` leaves of a secret. The wire is not changed. */
export function redacted<T>(codec: Codec<T>, hide: (value: T) => T): Codec<T> {
  return {
    name: codec.name,
    wireType: codec.wireType,
    write: (to, value) => codec.write(to, value),
    read: (from) => codec.read(from),
    fromJson: (value, depth) => codec.fromJson(value, depth),
    toJson: (value) => codec.toJson(hide(value)),
  };
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

/**
 * Maps of a message. Their keys are text: no message of Envoy's that we use has others.
 *
 * @module
 */
import { LENGTH } from "../../wire/protobuf.ts";
import type { ProtobufReader } from "../../wire/protobuf-reader.ts";
import type { ProtobufWriter } from "../../wire/protobuf-writer.ts";
import {
  type Codec,
  expectObject,
  expectWireType,
  type Field,
  type FieldOptions,
  inside,
  NO_OPTIONS,
  put,
} from "./field.ts";
import { FieldError, keySegment } from "./field-error.ts";

/** A map with text keys: `map(of(2, Policy))` is field 2, `map<string, Policy>`. Written in the order of the keys. */
export function map<T>(entry: Field<T>): Field<Readonly<Record<string, T>>> {
  return new Entries(entry, NO_OPTIONS);
}

class Entries<T> implements Field<Readonly<Record<string, T>>> {
  readonly options: FieldOptions;
  readonly #entry: Field<T>;

  constructor(entry: Field<T>, options: FieldOptions) {
    this.#entry = entry;
    this.options = options;
  }

  get number(): number {
    return this.#entry.number;
  }

  get cardinality(): "map" {
    return "map";
  }

  get codec(): Codec<T> {
    return this.#entry.codec as Codec<T>;
  }

  with(options: FieldOptions): Field<Readonly<Record<string, T>>> {
    return new Entries(this.#entry, { ...this.options, ...options });
  }

  write(to: ProtobufWriter, values: Readonly<Record<string, T>>): void {
    for (const key of Object.keys(values).sort()) writeEntry(to, this.number, this.codec, key, values[key] as T);
  }

  read(from: ProtobufReader, before: Readonly<Record<string, T>> = {}): Readonly<Record<string, T>> {
    expectWireType(from, LENGTH);
    const [key, value] = readEntry(from, this.codec);
    if (Object.hasOwn(before, key)) throw new FieldError("the key is given twice", keySegment(key));
    return put(before, key, value);
  }

  fromJson(value: unknown, depth: number): Readonly<Record<string, T>> {
    const record: Record<string, T> = {};
    for (const [key, item] of Object.entries(expectObject(value, `map of ${this.codec.name}`))) {
      put(
        record,
        key,
        inside(keySegment(key), () => this.#entry.fromJson(item, depth)),
      );
    }
    return record;
  }

  toJson(values: Readonly<Record<string, T>>): unknown {
    const keys = Object.keys(values).sort();
    if (keys.length === 0) return undefined;
    const out: Record<string, unknown> = {};
    for (const key of keys) put(out, key, this.#entry.toJson(values[key] as T));
    return out;
  }
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

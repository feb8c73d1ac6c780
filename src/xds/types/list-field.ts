/**
 * Lists of a message.
 *
 * @module
 */
import { LENGTH } from "../../wire/protobuf.ts";
import type { ProtobufReader } from "../../wire/protobuf-reader.ts";
import type { ProtobufWriter } from "../../wire/protobuf-writer.ts";
import { type Codec, type Field, type FieldOptions, inside, NO_OPTIONS } from "./field.ts";
import { FieldError, kindOf, within } from "./field-error.ts";

/** A list: `repeated(string(7))`. Scalars are written packed and read either way. */
export function repeated<T>(one: Field<T>): Field<readonly T[]> {
  return new Many(one, NO_OPTIONS);
}

class Many<T> implements Field<readonly T[]> {
  readonly options: FieldOptions;
  readonly #one: Field<T>;

  constructor(one: Field<T>, options: FieldOptions) {
    this.#one = one;
    this.options = options;
  }

  get number(): number {
    return this.#one.number;
  }

  get cardinality(): "many" {
    return "many";
  }

  get codec(): Codec<T> {
    return this.#one.codec as Codec<T>;
  }

  with(options: FieldOptions): Field<readonly T[]> {
    return new Many(this.#one, { ...this.options, ...options });
  }

  write(to: ProtobufWriter, values: readonly T[]): void {
    if (this.codec.wireType !== LENGTH) {
      if (values.length > 0) writePacked(to, this.number, this.codec, values);
      return;
    }
    for (let i = 0; i < values.length; i++) writeItem(to, this.#one, values[i] as T, i);
  }

  read(from: ProtobufReader, before: readonly T[] = []): readonly T[] {
    // The list is this reader's own until the message is handed out: appending in place keeps long lists linear.
    const list = before as T[];
    try {
      if (from.wireType === LENGTH && this.codec.wireType !== LENGTH) readPacked(from, this.codec, list);
      else list.push(this.#one.read(from, undefined));
    } catch (error) {
      throw within(error, `[${list.length}]`);
    }
    return list;
  }

  fromJson(value: unknown, depth: number): readonly T[] {
    if (!Array.isArray(value)) throw new FieldError(`expected a list of ${this.codec.name}, found ${kindOf(value)}`);
    return value.map((item: unknown, i) => inside(`[${i}]`, () => this.#one.fromJson(item, depth)));
  }

  toJson(values: readonly T[]): unknown {
    return values.length === 0 ? undefined : values.map((value) => this.#one.toJson(value));
  }
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

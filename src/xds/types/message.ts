/**
 * Message tables: one table gives a protobuf message its TypeScript type, its binary codec and its JSON form.
 *
 * ```ts
 * export const RetryPolicy = message("envoy.config.route.v3.RetryPolicy", {
 *   retryOn: string(1),
 *   numRetries: uint32Value(2),
 *   perTryTimeout: duration(3),
 * });
 * export type RetryPolicy = Infer<typeof RetryPolicy>;
 * ```
 *
 * In memory a message is a plain object with every field optional. An absent field is `undefined`; there are no
 * defaults. The wire and JSON are read strictly: what a table does not know is an error, since a policy that is
 * silently dropped fails open.
 *
 * @module
 */
import { LENGTH } from "../../wire/protobuf.ts";
import type { ProtobufReader } from "../../wire/protobuf-reader.ts";
import type { ProtobufWriter } from "../../wire/protobuf-writer.ts";
import { type Codec, expectObject, type Field, MAX_JSON_DEPTH } from "./field.ts";
import { FieldError, within } from "./field-error.ts";
import { register } from "./registry.ts";

export type Fields = Readonly<Record<string, Field<unknown>>>;

/** The object that a table describes. */
export type Shape<F extends Fields> = {
  readonly [K in keyof F]?: (F[K] extends Field<infer T> ? T : never) | undefined;
};

/** The TypeScript type of a message, an enum or another codec. */
export type Infer<C> = C extends Codec<infer T> ? T : never;

/** A field as its message knows it. */
export interface Column {
  /** Name in memory and in JSON: `retryOn`. */
  readonly key: string;
  /** Name in the .proto file and in errors: `retry_on`. */
  readonly protoName: string;
  readonly field: Field<unknown>;
}

export interface MessageType<T> extends Codec<T> {
  /** `type.googleapis.com/envoy.config.route.v3.RetryPolicy`. */
  readonly typeUrl: string;
  /** In the order of their numbers. */
  readonly columns: readonly Column[];
  /** Field numbers that are read over. */
  readonly ignored: ReadonlySet<number>;
  /** Writes the fields without a length before them. */
  writeFields(to: ProtobufWriter, value: T): void;
  /** Reads fields until the reader is done. */
  readFields(from: ProtobufReader): T;
}

interface Index {
  readonly columns: readonly Column[];
  readonly byNumber: ReadonlyMap<number, Column>;
  /** By both spellings. */
  readonly byName: ReadonlyMap<string, Column>;
  /** The members of each oneof. */
  readonly groups: ReadonlyMap<string, readonly Column[]>;
}

/** What a message is in memory while the table handles it. */
type Loose = Record<string, unknown>;

/** Field numbers to read over. Only for fields that cannot change what a proxy does. */
export function ignored(...numbers: readonly number[]): ReadonlySet<number> {
  return new Set(numbers);
}

const NONE_IGNORED = ignored();

/**
 * A message table. `name` is the full protobuf name; the type is registered, so that an Any of it can be read.
 *
 * @throws {Error} If two tables have one name; on first use, if two fields have one number.
 */
export function message<const F extends Fields>(
  name: string,
  fields: F,
  skipped: ReadonlySet<number> = NONE_IGNORED,
): MessageType<Shape<F>> {
  // The table handles every message as a loose record; `Shape` is what its fields make of it.
  const type = new Table(name, fields, skipped) as MessageType<unknown> as MessageType<Shape<F>>;
  register(type);
  return type;
}

class Table implements MessageType<Loose> {
  readonly name: string;
  readonly wireType = LENGTH;
  readonly ignored: ReadonlySet<number>;
  readonly #fields: Fields;
  /** Made when it is first needed: a process knows many messages that it never meets. */
  #built: Index | undefined;

  constructor(name: string, fields: Fields, skipped: ReadonlySet<number>) {
    this.name = name;
    this.ignored = skipped;
    this.#fields = fields;
  }

  get typeUrl(): string {
    return `type.googleapis.com/${this.name}`;
  }

  get columns(): readonly Column[] {
    return this.#index.columns;
  }

  get #index(): Index {
    this.#built ??= indexOf(this.name, this.#fields);
    return this.#built;
  }

  write(to: ProtobufWriter, value: Loose): void {
    const mark = to.begin();
    this.writeFields(to, value);
    to.end(mark);
  }

  writeFields(to: ProtobufWriter, value: Loose): void {
    for (const column of this.columns) {
      const item = value[column.key];
      if (item === undefined) continue;
      try {
        if (column.field.options.oneof !== undefined) this.#expectAlone(column, value);
        column.field.write(to, item);
      } catch (error) {
        throw within(error, column.protoName);
      }
    }
  }

  read(from: ProtobufReader): Loose {
    const outer = from.enter();
    const value = this.readFields(from);
    from.leave(outer);
    return value;
  }

  readFields(from: ProtobufReader): Loose {
    const value: Loose = {};
    const { byNumber } = this.#index;
    let at = "";
    try {
      while (!from.done) {
        at = "";
        const number = from.tag();
        const column = byNumber.get(number);
        if (column === undefined) {
          this.#skip(from, number);
          continue;
        }
        at = column.protoName;
        value[column.key] = column.field.read(from, value[column.key]);
        if (column.field.options.oneof !== undefined) this.#expectAlone(column, value);
      }
    } catch (error) {
      throw within(error, at);
    }
    return value;
  }

  fromJson(json: unknown, depth: number): Loose {
    if (depth > MAX_JSON_DEPTH) throw new FieldError(`messages nest deeper than ${MAX_JSON_DEPTH}`);
    const value: Loose = {};
    for (const [name, item] of Object.entries(expectObject(json, this.name))) {
      try {
        this.#readJsonField(value, name, item, depth);
      } catch (error) {
        throw within(error, name);
      }
    }
    return value;
  }

  toJson(value: Loose): Readonly<Record<string, unknown>> {
    const json: Loose = {};
    for (const { key, protoName, field } of this.columns) {
      const item = value[key];
      const printed = item === undefined ? undefined : field.toJson(item);
      if (printed !== undefined) json[protoName] = printed;
    }
    return json;
  }

  #readJsonField(value: Loose, name: string, item: unknown, depth: number): void {
    const column = this.#index.byName.get(name);
    if (column === undefined) throw new FieldError(`unknown field of ${this.name}; ${this.#known()}`);
    const { key, field } = column;
    if (item === null && field.codec.takesNull !== true) return; // null means absent in protobuf's JSON
    if (value[key] !== undefined) throw new FieldError("the field is given twice, in snake_case and in camelCase");
    value[key] = field.fromJson(item, depth + 1);
    if (field.options.oneof !== undefined) this.#expectAlone(column, value);
  }

  #skip(from: ProtobufReader, number: number): void {
    if (!from.skipsUnknown && !this.ignored.has(number))
      throw new FieldError(`unknown field number ${number} in ${this.name}`);
    from.skip();
  }

  #expectAlone(column: Column, value: Loose): void {
    for (const other of this.#index.groups.get(column.field.options.oneof ?? "") ?? []) {
      if (other === column || value[other.key] === undefined) continue;
      throw new FieldError(
        `only one of the fields of "${column.field.options.oneof}" may be set, and ${other.protoName} is too`,
      );
    }
  }

  #known(): string {
    const names = this.columns.map((column) => column.protoName).join(", ");
    return names === "" ? "it has no fields" : `known fields are ${names}`;
  }
}

function indexOf(name: string, fields: Fields): Index {
  const columns = Object.entries(fields)
    .map(([key, field]) => ({ key, protoName: field.options.protoName ?? snakeCase(key), field }))
    .sort((a, b) => a.field.number - b.field.number);
  const byNumber = new Map(columns.map((column) => [column.field.number, column]));
  if (byNumber.size < columns.length) throw new Error(`table ${name}: two fields have one number`);
  const byName = new Map(columns.flatMap((column) => [column.key, column.protoName].map((n) => [n, column] as const)));
  return { columns, byNumber, byName, groups: groupsOf(columns) };
}

function groupsOf(columns: readonly Column[]): ReadonlyMap<string, readonly Column[]> {
  const groups = new Map<string, Column[]>();
  for (const column of columns) {
    const group = column.field.options.oneof;
    if (group !== undefined) groups.set(group, [...(groups.get(group) ?? []), column]);
  }
  return groups;
}

/** `perTryTimeout` to `per_try_timeout`. */
function snakeCase(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/**
 * Enums: their names in memory and in JSON, their numbers on the wire.
 *
 * @module
 */
import { VARINT } from "../../wire/protobuf.ts";
import type { ProtobufReader } from "../../wire/protobuf-reader.ts";
import type { ProtobufWriter } from "../../wire/protobuf-writer.ts";
import type { Codec } from "./field.ts";
import { FieldError, kindOf } from "./field-error.ts";

export interface EnumType<N extends string> extends Codec<N> {
  readonly numbers: Readonly<Record<N, number>>;
}

/** `enumeration("envoy.config.core.v3.RoutingPriority", { DEFAULT: 0, HIGH: 1 })`; used with `of`. */
export function enumeration<const E extends Readonly<Record<string, number>>>(
  name: string,
  numbers: E,
): EnumType<keyof E & string> {
  return new Enum<keyof E & string>(name, numbers);
}

class Enum<N extends string> implements EnumType<N> {
  readonly name: string;
  readonly numbers: Readonly<Record<N, number>>;
  readonly wireType = VARINT;

  constructor(name: string, numbers: Readonly<Record<N, number>>) {
    this.name = name;
    this.numbers = numbers;
  }

  write(to: ProtobufWriter, value: N): void {
    if (!Object.hasOwn(this.numbers, value)) throw new FieldError(`"${value}" is not a value of the enum ${this.name}`);
    to.int32(this.numbers[value]);
  }

  read(from: ProtobufReader): N {
    return this.#byNumber(from.int32());
  }

  fromJson(value: unknown): N {
    if (typeof value === "number") return this.#byNumber(value);
    if (typeof value === "string" && Object.hasOwn(this.numbers, value)) return value as N;
    const found = typeof value === "string" ? JSON.stringify(value.slice(0, 40)) : kindOf(value);
    throw new FieldError(`expected one of ${Object.keys(this.numbers).join(", ")}, found ${found}`);
  }

  toJson(value: N): string {
    return value;
  }

  #byNumber(number: number): N {
    for (const name in this.numbers) if (this.numbers[name] === number) return name;
    throw new FieldError(`unknown value ${number} of the enum ${this.name}`);
  }
}

/**
 * Enums: their names in memory and in JSON, their numbers on the wire.
 *
 * @module
 */
import { VARINT } from "../../wire/protobuf.ts";
import type { Codec } from "./field.ts";
import { FieldError, kindOf } from "./field-error.ts";

export interface EnumType<N extends string> extends Codec<N> {
  readonly numbers: Readonly<Record<N, number>>;
}

/** `enumeration("envoy.config.route.v3.RouteAction.…", { SERVICE_UNAVAILABLE: 0, NOT_FOUND: 1 })`; used with `of`. */
export function enumeration<const E extends Readonly<Record<string, number>>>(
  name: string,
  numbers: E,
): EnumType<keyof E & string> {
  type N = keyof E & string;
  const names = new Map(Object.entries(numbers).map(([key, number]) => [number, key as N]));
  const byNumber = (number: number): N => {
    const found = names.get(number);
    if (found === undefined) throw new FieldError(`unknown value ${number} of the enum ${name}`);
    return found;
  };
  return {
    name,
    numbers,
    wireType: VARINT,
    write(to, value) {
      const number: number | undefined = Object.hasOwn(numbers, value) ? numbers[value] : undefined;
      if (number === undefined) throw new FieldError(`"${value}" is not a value of the enum ${name}`);
      to.int32(number);
    },
    read: (from) => byNumber(from.int32()),
    fromJson(value) {
      if (typeof value === "number") return byNumber(value);
      if (typeof value === "string" && Object.hasOwn(numbers, value)) return value as N;
      const found = typeof value === "string" ? JSON.stringify(value.slice(0, 40)) : kindOf(value);
      throw new FieldError(`expected one of ${Object.keys(numbers).join(", ")}, found ${found}`);
    },
    toJson: (value) => value,
  };
}

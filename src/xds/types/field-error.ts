/**
 * What is wrong with a message, and in which of its fields.
 *
 * The path grows from the inside out while the error passes the enclosing fields, so that reading well-formed input
 * builds no paths.
 *
 * @module
 */
import { ProtobufError } from "../../wire/protobuf.ts";

export class FieldError extends Error {
  override readonly name = "FieldError";
  /** Such as `static_resources.listeners[0].name`; empty when the message as a whole is meant. */
  path: string;
  /** What must hold and what was found, without the path. Never holds the value of a field that may be secret. */
  readonly problem: string;

  constructor(problem: string, path = "") {
    super();
    this.problem = problem;
    this.path = path;
    this.message = path === "" ? problem : `${path}: ${problem}`;
  }

  /** Puts the name or `[index]` of an enclosing field before the path. */
  prepend(segment: string): this {
    this.path = joinPath(segment, this.path);
    this.message = this.path === "" ? this.problem : `${this.path}: ${this.problem}`;
    return this;
  }
}

/** The error to throw from within the field `segment`. Errors of other kinds pass unchanged. */
export function within(error: unknown, segment: string): unknown {
  if (error instanceof FieldError) return error.prepend(segment);
  if (error instanceof ProtobufError) return new FieldError(error.message, segment);
  return error;
}

/** `["key"]`, for a map's entry. */
export const keySegment = (key: string): string => `[${JSON.stringify(key)}]`;

/** `a string`, `null`, `a list`: what was found, without its value. */
export function kindOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "a list";
  return typeof value === "object" || typeof value === "undefined" ? `an ${typeof value}` : `a ${typeof value}`;
}

function joinPath(outer: string, inner: string): string {
  if (outer === "" || inner === "") return outer + inner;
  return inner.startsWith("[") ? outer + inner : `${outer}.${inner}`;
}

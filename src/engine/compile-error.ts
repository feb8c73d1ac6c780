/**
 * Why a resource cannot be compiled: it goes back to the control plane as a rejection (NACK) and to the person who
 * wrote a static file.
 *
 * @module
 */

import { type AnyMessage, unpack } from "../xds/types/any.ts";
import { FieldError } from "../xds/types/field-error.ts";
import type { MessageType } from "../xds/types/message.ts";

/** A field of an xDS resource that is wrong, or that is right but not supported. */
export class CompileError extends Error {
  override readonly name = "CompileError";
  /** Where in the resource, as in the .proto files: `filter_chains[0].filters[1].typed_config`. Empty for the whole. */
  readonly path: string;

  /** @param problem What must hold and what was found, without the path: `must be at least 1, found 0`. */
  constructor(path: string, problem: string) {
    super(path === "" ? problem : `${path}: ${problem}`);
    this.path = path;
  }
}

/** The path of `field` within `path`. The field may have its in-memory name. */
export function fieldPath(path: string, field: string): string {
  const name = field.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  return path === "" ? name : `${path}.${name}`;
}

/**
 * Opens a `typed_config`.
 *
 * @throws CompileError when it is missing, of another type, or cannot be read.
 */
export function unpackAt<T>(any: AnyMessage | undefined, type: MessageType<T>, path: string): T {
  if (any === undefined) throw new CompileError(path, `must hold a ${type.name}, found nothing`);
  try {
    return unpack(any, type);
  } catch (error) {
    if (!(error instanceof FieldError)) throw error;
    throw new CompileError(error.path === "" ? path : `${path}.${error.path}`, error.problem);
  }
}

/**
 * Refuses every field of `message` that is set and not in `known`, so that a field which a message table learns later
 * is refused here until somebody decides what it means. Unset, `false`, `""` and the empty list say nothing and pass.
 *
 * @throws CompileError for the first such field.
 */
export function refuseOthers(message: object, path: string, known: ReadonlySet<string>, advice = "remove it"): void {
  for (const [field, value] of Object.entries(message)) {
    if (known.has(field) || saysNothing(value)) continue;
    throw new CompileError(fieldPath(path, field), `is not supported yet; ${advice}`);
  }
}

function saysNothing(value: unknown): boolean {
  return value === undefined || value === false || value === "" || (Array.isArray(value) && value.length === 0);
}

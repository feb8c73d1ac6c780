/**
 * Why a resource cannot be compiled: it goes back to the control plane as a rejection (NACK) and to the person who
 * wrote a static file.
 *
 * @module
 */

/** A field of an xDS resource that is wrong, or that is right but not supported. */
export class CompileError extends Error {
  override readonly name = "CompileError";
  /** Where in the resource, by its in-memory names: `filterChains[0].filters[1].typedConfig`. Empty for the whole. */
  readonly path: string;

  /** @param problem What must hold and what was found, without the path: `must be at least 1, found 0`. */
  constructor(path: string, problem: string) {
    super(path === "" ? problem : `${path}: ${problem}`);
    this.path = path;
  }
}

/** The path of `field` within `path`. */
export function fieldPath(path: string, field: string): string {
  return path === "" ? field : `${path}.${field}`;
}

/**
 * Refuses every field of `message` that is set and not in `known`, so that a field which a message table learns later
 * is refused here until somebody decides what it means. Unset, `false`, `""` and the empty list say nothing and pass.
 *
 * @throws CompileError for the first such field.
 */
export function refuseOthers(message: object, path: string, known: ReadonlySet<string>): void {
  for (const [field, value] of Object.entries(message)) {
    if (known.has(field) || saysNothing(value)) continue;
    throw new CompileError(fieldPath(path, field), "is not supported yet; remove it");
  }
}

function saysNothing(value: unknown): boolean {
  return value === undefined || value === false || value === "" || (Array.isArray(value) && value.length === 0);
}

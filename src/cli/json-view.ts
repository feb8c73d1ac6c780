/**
 * Reads JSON of somebody else's making: what is not there, or of another kind, is empty.
 *
 * @module
 */
export type Json = unknown;

/** What stands at a path of names. */
export function at(value: Json, ...path: readonly string[]): Json {
  let here: Json = value;
  for (const name of path) {
    if (typeof here !== "object" || here === null) return undefined;
    here = (here as Readonly<Record<string, unknown>>)[name];
  }
  return here;
}

export function textAt(value: Json, ...path: readonly string[]): string {
  const found = at(value, ...path);
  return typeof found === "string" || typeof found === "number" || typeof found === "boolean" ? String(found) : "";
}

export function listAt(value: Json, ...path: readonly string[]): readonly Json[] {
  const found = at(value, ...path);
  return Array.isArray(found) ? found : [];
}

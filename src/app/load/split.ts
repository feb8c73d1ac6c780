/**
 * What the answers are counted by: a response header, or a field of a JSON body.
 *
 * @module
 */

export type SplitBy =
  | { readonly t: "header"; readonly name: string }
  | { readonly t: "json"; readonly path: readonly string[] };

/** `header:x-version` or `json:.version.name`. @throws {RangeError} */
export function parseSplit(text: string): SplitBy {
  const header = /^header:([\w-]+)$/.exec(text)?.[1];
  if (header !== undefined) return { t: "header", name: header.toLowerCase() };
  const path = /^json:((?:\.[\w-]+)+)$/.exec(text)?.[1];
  if (path !== undefined) return { t: "json", path: path.slice(1).split(".") };
  throw new RangeError(`must be header:<name> or json:.<field>, found ${JSON.stringify(text)}`);
}

/** The value of a field in a JSON body: text, numbers and truth values as they are; `(none)` where it is not there. */
export function jsonField(body: Uint8Array, path: readonly string[]): string {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString("utf8"));
  } catch {
    return "(no JSON)";
  }
  for (const name of path) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, name)) return NONE;
    value = (value as Readonly<Record<string, unknown>>)[name];
  }
  return typeof value === "object" && value !== null ? JSON.stringify(value) : String(value);
}

export const NONE = "(none)";

/**
 * A document as written, before it means anything: values with the place of each.
 *
 * @module
 */
import type { Place } from "../base/problem.ts";

export type Scalar = string | number | boolean | null;

export type Tree =
  | { readonly t: "scalar"; readonly place: Place; readonly value: Scalar }
  | { readonly t: "list"; readonly place: Place; readonly items: readonly Tree[] }
  | { readonly t: "map"; readonly place: Place; readonly entries: ReadonlyMap<string, Entry> };

export interface Entry {
  readonly keyPlace: Place;
  readonly value: Tree;
}

/** What a tree is, in the words of an error message: `text "v1"`, `a list`. */
export function describe(tree: Tree): string {
  if (tree.t === "list") return tree.items.length === 0 ? "an empty list" : "a list";
  if (tree.t === "map") return tree.entries.size === 0 ? "an empty mapping" : "a mapping";
  if (tree.value === null) return "nothing (null)";
  if (typeof tree.value === "string") return `text ${quote(tree.value)}`;
  return `${typeof tree.value === "number" ? "number" : "boolean"} ${tree.value}`;
}

/** The value in double quotes, shortened, so that a hostile one cannot fill a terminal. */
export function quote(value: string): string {
  return JSON.stringify(value.length > 80 ? `${value.slice(0, 80)}…` : value);
}

/** `.name` or `["odd name"]`, as it follows the path of the parent. */
export function pathStep(key: string): string {
  return /^[A-Za-z_][\w-]*$/.test(key) ? `.${key}` : `[${quote(key)}]`;
}

/**
 * The place of a field, by the path that a problem names (`spec.http[0].route[1].weight`).
 * Where the document does not write the field: the nearest field around it.
 */
export function placeAt(tree: Tree, path: string): Place {
  let at = tree;
  for (const [, name, index] of path.matchAll(/([^.[\]]+)|\[(\d+)\]/g)) {
    const next = step(at, name, index);
    if (next === undefined) break;
    at = next;
  }
  return at.place;
}

function step(tree: Tree, name: string | undefined, index: string | undefined): Tree | undefined {
  if (tree.t === "list") return tree.items[Number(index ?? name)];
  if (tree.t === "map") return tree.entries.get(name ?? index ?? "")?.value;
  return undefined;
}

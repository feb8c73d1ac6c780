/**
 * Which documents two folders do not share.
 *
 * @module
 */
import { type Document, documentKey } from "../../config/document.ts";
import type { Tree } from "../../config/tree.ts";

export interface ChangedDocument {
  /** `VirtualService default/reviews`. */
  readonly name: string;
  readonly change: "added" | "removed" | "changed";
  readonly file: string;
  readonly line: number;
}

export function changedDocuments(before: readonly Document[], after: readonly Document[]): readonly ChangedDocument[] {
  const old = new Map(before.map((d) => [documentKey(d), d]));
  const now = new Map(after.map((d) => [documentKey(d), d]));
  const told = (d: Document, change: ChangedDocument["change"]): ChangedDocument => ({
    name: documentKey(d),
    change,
    file: d.place.file,
    line: d.place.line,
  });
  return [
    ...[...now].flatMap(([key, d]) => {
      const earlier = old.get(key);
      if (earlier === undefined) return [told(d, "added")];
      return valueOf(earlier.tree) === valueOf(d.tree) && earlier.status === d.status ? [] : [told(d, "changed")];
    }),
    ...[...old].flatMap(([key, d]) => (now.has(key) ? [] : [told(d, "removed")])),
  ];
}

/** What is written, wherever it stands and in whatever order its fields are. */
function valueOf(tree: Tree): string {
  if (tree.t === "scalar") return JSON.stringify(tree.value);
  if (tree.t === "list") return `[${tree.items.map(valueOf).join(",")}]`;
  const entries = [...tree.entries].map(([key, { value }]) => `${JSON.stringify(key)}:${valueOf(value)}`);
  return `{${entries.sort().join(",")}}`;
}

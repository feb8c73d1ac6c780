/**
 * `kind: List`, as `kubectl get -o yaml` writes it: its items are documents.
 *
 * @module
 */
import type { Problem } from "../base/problem.ts";
import { Node } from "./node.ts";
import type { Tree } from "./tree.ts";

/** The documents of a file, in order. A list inside a list is left as it is, and refused as an unknown kind. */
export function unfoldLists(trees: readonly Tree[], report: (problem: Problem) => void): readonly Tree[] {
  return trees.flatMap((tree) => (isList(tree) ? itemsOf(tree, report) : [tree]));
}

function isList(tree: Tree): boolean {
  if (tree.t !== "map") return false;
  const kind = tree.entries.get("kind")?.value;
  const apiVersion = tree.entries.get("apiVersion")?.value;
  return kind?.t === "scalar" && kind.value === "List" && apiVersion?.t === "scalar" && apiVersion.value === "v1";
}

function itemsOf(tree: Tree, report: (problem: Problem) => void): readonly Tree[] {
  const fields = new Node(tree, report).fields({ known: ["apiVersion", "kind", "metadata", "items"] });
  return fields.list("items", (node) => node.tree);
}

/**
 * The nodes of the `yaml` library to our {@link Tree}: aliases and merge keys resolved, repeated keys refused.
 *
 * An alias shares the tree of its anchor, so memory does not grow with it, but readers walk it each time: its size counts
 * each time against the budget of the file (an "alias bomb" of nested aliases ends there).
 *
 * @module
 */
import { isAlias, isMap, isScalar, isSeq, type Node, type Pair, type YAMLMap } from "yaml";
import type { Place } from "../base/problem.ts";
import { type Entry, quote, type Scalar, type Tree } from "./tree.ts";

export interface TreeBudget {
  /** Values that may still be made. */
  left: number;
  readonly maxDepth: number;
}

type Report = (message: string, offset: number) => void;

interface Sized {
  readonly tree: Tree;
  readonly size: number;
  readonly depth: number;
}

/** The tree of a document; undefined for an empty one, and where something was reported. */
export function buildTree(
  contents: Node | null,
  placeOf: (offset: number) => Place,
  budget: TreeBudget,
  report: Report,
): Tree | undefined {
  if (contents === null || (isScalar(contents) && contents.value === null)) return undefined;
  return new Builder(placeOf, budget, report).build(contents)?.tree;
}

class Builder {
  readonly #anchors = new Map<string, Sized>();
  readonly #placeOf: (offset: number) => Place;
  readonly #budget: TreeBudget;
  readonly #report: Report;

  constructor(placeOf: (offset: number) => Place, budget: TreeBudget, report: Report) {
    this.#placeOf = placeOf;
    this.#budget = budget;
    this.#report = report;
  }

  build(node: Node): Sized | undefined {
    const offset = node.range?.[0] ?? 0;
    if (isAlias(node)) return this.#alias(node.source, offset);
    const built = this.#fresh(node, offset);
    if (built === undefined) return undefined;
    if (node.anchor !== undefined) this.#anchors.set(node.anchor, built);
    return built;
  }

  #fresh(node: Exclude<Node, { source: string }> | Node, offset: number): Sized | undefined {
    if (!this.#spend(1, offset)) return undefined;
    const place = this.#placeOf(offset);
    if (isScalar(node)) return { tree: { t: "scalar", place, value: scalarOf(node.value) }, size: 1, depth: 0 };
    if (isSeq(node)) return this.#list(node.items as readonly (Node | null)[], place, offset);
    if (isMap(node)) return this.#map(node, place, offset);
    this.#report("not YAML that we read", offset);
    return undefined;
  }

  #alias(anchor: string, offset: number): Sized | undefined {
    const target = this.#anchors.get(anchor);
    if (target === undefined) this.#report(`the alias *${anchor} has no anchor &${anchor} before it`, offset);
    else if (this.#spend(target.size, offset)) return target;
    return undefined;
  }

  #spend(size: number, offset: number): boolean {
    this.#budget.left -= size;
    if (this.#budget.left < 0) this.#report("the file has too many values, counted with its aliases unfolded", offset);
    return this.#budget.left >= 0;
  }

  #list(nodes: readonly (Node | null)[], place: Place, offset: number): Sized | undefined {
    const items: Sized[] = [];
    for (const node of nodes) {
      const item = node === null ? nothingAt(place) : this.build(node);
      if (item === undefined) return undefined;
      items.push(item);
    }
    return this.#sized({ t: "list", place, items: items.map((i) => i.tree) }, items, offset);
  }

  #map(node: YAMLMap, place: Place, offset: number): Sized | undefined {
    const entries = new Map<string, Entry>();
    const values: Sized[] = [];
    const merged: Sized[] = [];
    for (const pair of node.items as readonly Pair<Node, Node | null>[]) {
      const key = this.#key(pair.key);
      if (key === undefined) return undefined;
      const value = pair.value === null ? nothingAt(key.place) : this.build(pair.value);
      if (value === undefined) return undefined;
      values.push(value);
      if (key.name === "<<") merged.push(value);
      else if (entries.has(key.name)) return this.#repeated(key.name, pair.key);
      else entries.set(key.name, { keyPlace: key.place, value: value.tree });
    }
    for (const { tree } of merged) mergeInto(entries, tree);
    return this.#sized({ t: "map", place, entries }, values, offset);
  }

  #repeated(name: string, key: Node): undefined {
    this.#report(`${quote(name)} stands twice in one mapping`, key.range?.[0] ?? 0);
    return undefined;
  }

  #key(key: Node): { readonly name: string; readonly place: Place } | undefined {
    const offset = key.range?.[0] ?? 0;
    // The text as written: the port 08080 or the label `yes` are names here, whatever they would be as values.
    if (isScalar(key)) return { name: key.source ?? String(key.value), place: this.#placeOf(offset) };
    this.#report("a key must be text", offset);
    return undefined;
  }

  #sized(tree: Tree, parts: readonly Sized[], offset: number): Sized | undefined {
    const depth = 1 + parts.reduce((deepest, p) => Math.max(deepest, p.depth), 0);
    const size = 1 + parts.reduce((sum, p) => sum + p.size, 0);
    // Aliases can nest deeper than the text does.
    if (depth <= this.#budget.maxDepth) return { tree, size, depth };
    this.#report(`mappings and lists may be ${this.#budget.maxDepth} deep`, offset);
    return undefined;
  }
}

const nothingAt = (place: Place): Sized => ({ tree: { t: "scalar", place, value: null }, size: 1, depth: 0 });

/** YAML 1.1's merge key, which Kubernetes' tools still read: what is written in the mapping itself wins. */
function mergeInto(entries: Map<string, Entry>, from: Tree): void {
  if (from.t === "list") for (const item of from.items) mergeInto(entries, item);
  if (from.t !== "map") return;
  for (const [name, entry] of from.entries) if (!entries.has(name)) entries.set(name, entry);
}

function scalarOf(value: unknown): Scalar {
  if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") return value;
  return value === null || value === undefined ? null : String(value);
}

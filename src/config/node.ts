/**
 * A value inside a document, with its path and place: what readers are written against.
 *
 * A reader reports what is wrong and returns something of the right type all the same, so that one pass finds all problems
 * of a document. `read-document.ts` throws away what was read from a document with errors: nothing half-read gets out.
 *
 * @module
 */
import type { Place, Problem } from "../base/problem.ts";
import { didYouMean } from "./did-you-mean.ts";
import { describe, pathStep, quote, type Tree } from "./tree.ts";

export type Read<T> = (node: Node) => T;

/** A field that is known and refused, with what to do instead. */
export interface Unsupported {
  readonly name: string;
  readonly instead: string;
}

/** Fields that the API has: those we read, and those we know but do not read yet. */
export interface Shape<K extends string> {
  readonly known: readonly K[];
  readonly unsupported?: readonly (string | Unsupported)[];
}

/** Unknown fields of one mapping that are reported: after these nobody reads on. */
const MAX_UNKNOWN = 20;

/** Some checks compare the items of a list with each other. */
const MAX_ITEMS = 10_000;

export class Node {
  readonly tree: Tree;
  readonly path: string;
  /** Of the key, where the value stands under one. */
  readonly keyPlace: Place;
  readonly #report: (problem: Problem) => void;

  constructor(tree: Tree, report: (problem: Problem) => void, path = "", keyPlace = tree.place) {
    this.tree = tree;
    this.path = path;
    this.keyPlace = keyPlace;
    this.#report = report;
  }

  get place(): Place {
    return this.tree.place;
  }

  /** An error at the value. */
  fail(message: string): void {
    this.#report({ severity: "error", place: this.place, path: this.path, message });
  }

  /** An error at the key: the field itself is what is wrong. */
  failAtKey(message: string): void {
    this.#report({ severity: "error", place: this.keyPlace, path: this.path, message });
  }

  warn(message: string): void {
    this.#report({ severity: "warning", place: this.place, path: this.path, message });
  }

  /** `must be a number from 1 to 65535, found text "http"`. */
  mustBe(what: string): void {
    this.fail(`must be ${what}, found ${describe(this.tree)}`);
  }

  /** The field exists elsewhere but not here: refused rather than dropped, since a rule without it would mean something else. */
  /** @param instead What to do; empty: nothing helps yet. */
  unsupported(instead = ""): void {
    this.failAtKey(`is not supported${instead === "" ? " yet" : `: ${instead}`}`);
  }

  /** In the place of this one, with its problems: of values that stand in another place of the document. */
  withTree(tree: Tree): Node {
    return new Node(tree, this.#report, this.path, this.keyPlace);
  }

  items(): readonly Node[] {
    if (this.tree.t !== "list") {
      this.mustBe("a list");
      return [];
    }
    if (this.tree.items.length > MAX_ITEMS)
      this.fail(`a list may have ${MAX_ITEMS} items, found ${this.tree.items.length}`);
    return this.tree.items.slice(0, MAX_ITEMS).map((item, i) => new Node(item, this.#report, `${this.path}[${i}]`));
  }

  /** Key and value of a mapping whose keys are the person's own, such as labels. */
  entries(): readonly (readonly [string, Node])[] {
    if (this.tree.t !== "map") {
      this.mustBe("a mapping");
      return [];
    }
    return [...this.tree.entries].map(([key, entry]) => [
      key,
      new Node(entry.value, this.#report, this.path + pathStep(key), entry.keyPlace),
    ]);
  }

  /** The fields of a mapping; any that `shape` does not name is reported. */
  fields<K extends string>(shape: Shape<K>): Fields<K> {
    const found = new Map<string, Node>();
    const known = new Set<string>(shape.known);
    const instead = new Map<string, string>(
      (shape.unsupported ?? []).map((it) => (typeof it === "string" ? [it, ""] : [it.name, it.instead])),
    );
    const unsupported = new Set(instead.keys());
    let unknown = 0;
    for (const [key, entry] of this.tree.t === "map" ? this.tree.entries : []) {
      const path = this.path === "" ? key : this.path + pathStep(key);
      const node = new Node(entry.value, this.#report, path, entry.keyPlace);
      if (known.has(key)) found.set(key, node);
      else if (unsupported.has(key)) node.unsupported(instead.get(key));
      else if (++unknown > MAX_UNKNOWN) break;
      else node.failAtKey(`unknown field ${quote(key)}${didYouMean(key, [...known, ...unsupported])}`);
    }
    if (this.tree.t !== "map") this.mustBe("a mapping");
    return new Fields<K>(this, found);
  }
}

/** The fields of a mapping by name. A field that is written as null is refused by its reader like any other wrong value. */
export class Fields<K extends string> {
  readonly node: Node;
  readonly #found: ReadonlyMap<string, Node>;

  constructor(node: Node, found: ReadonlyMap<string, Node>) {
    this.node = node;
    this.#found = found;
  }

  at(name: K): Node | undefined {
    return this.#found.get(name);
  }

  has(name: K): boolean {
    return this.#found.has(name);
  }

  optional<T>(name: K, read: Read<T>): T | undefined {
    const node = this.#found.get(name);
    return node === undefined ? undefined : read(node);
  }

  /** Reports a field that is missing, and then stands in `fallback`, which nobody sees. */
  required<T>(name: K, read: Read<T>, fallback: T): T {
    const node = this.#found.get(name);
    if (node !== undefined) return read(node);
    if (this.node.tree.t === "map") this.node.fail(`field "${name}" is missing`);
    return fallback;
  }

  /** Empty where the field is absent. */
  list<T>(name: K, read: Read<T>): readonly T[] {
    return this.#found.get(name)?.items().map(read) ?? [];
  }

  /** Fails unless at least one of the names is there. */
  oneOrMoreOf(names: readonly K[]): void {
    if (this.node.tree.t !== "map" || names.some((name) => this.has(name))) return;
    this.node.fail(`must have at least one of ${names.join(", ")}`);
  }
}

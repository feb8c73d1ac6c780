/**
 * The resources of one type by name, in sheets: each is made of one list of messages, once for all nodes that have the list.
 *
 * @module
 */
import { digestOf, makeResource, type Resource, versionOfDigest } from "./resources.ts";
import type { AnyMessage } from "./types/any.ts";

/** A resource before it has a version. Its type is that of `any`. */
export interface NamedMessage {
  readonly name: string;
  readonly any: AnyMessage;
}

interface Sheet {
  readonly resources: ReadonlyMap<string, Resource>;
  /** Of all of them, whatever their order. */
  readonly digest: bigint;
}

const SHEETS = new WeakMap<readonly NamedMessage[], Sheet>();

/** Several sheets as one map. No name stands in two of them. */
export class Sheets implements ReadonlyMap<string, Resource> {
  readonly #sheets: readonly Sheet[];
  readonly size: number;
  readonly version: string;

  /** @throws {Error} If a name stands twice. */
  constructor(typeUrl: string, sheets: readonly Sheet[]) {
    this.#sheets = sheets;
    this.size = sheets.reduce((sum, { resources }) => sum + resources.size, 0);
    this.version = versionOfDigest(sheets.reduce((sum, { digest }) => sum + digest, 0n));
    expectDistinct(typeUrl, sheets);
  }

  /** Of these very sheets. */
  isOf(sheets: readonly Sheet[]): boolean {
    return sheets.length === this.#sheets.length && sheets.every((sheet, i) => sheet === this.#sheets[i]);
  }

  get(name: string): Resource | undefined {
    for (const { resources } of this.#sheets) {
      const found = resources.get(name);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  has(name: string): boolean {
    return this.get(name) !== undefined;
  }

  *entries(): MapIterator<[string, Resource]> {
    for (const { resources } of this.#sheets) yield* resources;
  }

  *keys(): MapIterator<string> {
    for (const { resources } of this.#sheets) yield* resources.keys();
  }

  *values(): MapIterator<Resource> {
    for (const { resources } of this.#sheets) yield* resources.values();
  }

  [Symbol.iterator](): MapIterator<[string, Resource]> {
    return this.entries();
  }

  forEach(call: (value: Resource, key: string, map: ReadonlyMap<string, Resource>) => void): void {
    for (const [name, resource] of this) call(resource, name, this);
  }
}

/**
 * What `list` comes to; the same value for the same list.
 *
 * @param before Resources that have not changed are taken from here.
 * @throws {Error} If a name stands twice.
 */
export function sheetOf(list: readonly NamedMessage[], before: ReadonlyMap<string, Resource>): Sheet {
  const known = SHEETS.get(list);
  if (known !== undefined) return known;
  const resources = new Map<string, Resource>();
  let digest = 0n;
  for (const { name, any } of list) {
    if (resources.has(name)) throw doubled(any.typeUrl, name);
    const resource = reuse(before.get(name), name, any);
    resources.set(name, resource);
    digest += digestOf(resource);
  }
  const sheet = { resources, digest };
  SHEETS.set(list, sheet);
  return sheet;
}

const MADE = new WeakMap<AnyMessage, Resource>();

function reuse(before: Resource | undefined, name: string, any: AnyMessage): Resource {
  if (before?.any === any) return before;
  const known = MADE.get(any);
  if (known?.name === name) return known;
  const resource = makeResource(name, any);
  const kept = before?.version === resource.version ? before : resource;
  MADE.set(any, kept);
  return kept;
}

/** Most of the names are in one sheet, and few beside it. */
function expectDistinct(typeUrl: string, sheets: readonly Sheet[]): void {
  const bySize = sheets.toSorted((a, b) => b.resources.size - a.resources.size);
  for (const [i, { resources }] of bySize.entries())
    for (const name of resources.keys())
      for (let j = 0; j < i; j++) if (bySize[j]?.resources.has(name) === true) throw doubled(typeUrl, name);
}

const doubled = (typeUrl: string, name: string): Error =>
  new Error(`Cannot make a snapshot: two resources of ${typeUrl} are named ${name}`);

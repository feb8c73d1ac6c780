/**
 * What one node should have, as a value: all its resources at one moment.
 *
 * @module
 */
import { compareTypes, makeResource, type Resource, versionOf } from "./resources.ts";
import type { AnyMessage } from "./types/any.ts";

/** A resource before it has a version. Its type is that of `any`. */
export interface NamedMessage {
  readonly name: string;
  readonly any: AnyMessage;
}

const NONE: ReadonlyMap<string, Resource> = new Map();

export class Snapshot {
  static readonly empty = new Snapshot(new Map());
  readonly #types: ReadonlyMap<string, ReadonlyMap<string, Resource>>;
  readonly #versions = new Map<string, string>();

  private constructor(types: ReadonlyMap<string, ReadonlyMap<string, Resource>>) {
    this.#types = types;
  }

  /**
   * @param previous Resources that have not changed are taken from here, so that equal content stays one object.
   * @throws {Error} If two resources of one type have one name.
   */
  static of(messages: Iterable<NamedMessage>, previous: Snapshot = Snapshot.empty): Snapshot {
    const types = new Map<string, Map<string, Resource>>();
    for (const { name, any } of messages) {
      const ofType = types.get(any.typeUrl) ?? new Map<string, Resource>();
      types.set(any.typeUrl, ofType);
      if (ofType.has(name))
        throw new Error(`Cannot make a snapshot: two resources of ${any.typeUrl} are named ${name}`);
      ofType.set(name, reuse(previous.get(any.typeUrl).get(name), name, any));
    }
    return new Snapshot(types);
  }

  /** Type URLs that have resources, in the order in which they are to be sent. */
  get types(): readonly string[] {
    return [...this.#types.keys()].sort(compareTypes);
  }

  /** The resources of a type by name. */
  get(typeUrl: string): ReadonlyMap<string, Resource> {
    return this.#types.get(typeUrl) ?? NONE;
  }

  /** One version for all resources of a type. */
  version(typeUrl: string): string {
    let version = this.#versions.get(typeUrl);
    if (version === undefined) {
      version = versionOf(this.get(typeUrl).values());
      this.#versions.set(typeUrl, version);
    }
    return version;
  }
}

function reuse(before: Resource | undefined, name: string, any: AnyMessage): Resource {
  if (before?.any === any) return before;
  const resource = makeResource(name, any);
  return before?.version === resource.version ? before : resource;
}

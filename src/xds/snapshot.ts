/**
 * What one node should have, as a value: all its resources at one moment.
 *
 * It is put together of lists of messages that nodes may share. What is made of a list is made once, and of a type whose lists are those of the
 * snapshot before the resources are that very value.
 *
 * @module
 */
import { compareTypes, type Resource } from "./resources.ts";
import { type NamedMessage, sheetOf, Sheets } from "./sheets.ts";

const NONE = new Sheets("", []);

export class Snapshot {
  static readonly empty = new Snapshot(new Map());
  readonly #types: ReadonlyMap<string, Sheets>;

  private constructor(types: ReadonlyMap<string, Sheets>) {
    this.#types = types;
  }

  /**
   * @param previous Resources that have not changed are taken from here, so that equal content stays one object.
   * @throws {Error} If two resources of one type have one name.
   */
  static of(messages: Iterable<NamedMessage>, previous: Snapshot = Snapshot.empty): Snapshot {
    return Snapshot.ofLists([...byType(messages, ({ any }) => any.typeUrl).values()], previous);
  }

  /** As {@link of}. @param lists Each of messages of one type; the same list has the same content whenever it is given. */
  static ofLists(lists: readonly (readonly NamedMessage[])[], previous: Snapshot = Snapshot.empty): Snapshot {
    const types = new Map<string, Sheets>();
    for (const [typeUrl, ofType] of byType(lists, (list) => list[0]?.any.typeUrl)) {
      const before = previous.#types.get(typeUrl) ?? NONE;
      const sheets = ofType.map((list) => sheetOf(list, before));
      types.set(typeUrl, before.isOf(sheets) ? before : new Sheets(typeUrl, sheets));
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
    return (this.#types.get(typeUrl) ?? NONE).version;
  }

  /** Whether both have the same resources. */
  equals(other: Snapshot): boolean {
    const types = new Set([...this.#types.keys(), ...other.#types.keys()]);
    return [...types].every((typeUrl) => sameResources(this.get(typeUrl), other.get(typeUrl)));
  }
}

/** What has no type is left out. */
function byType<T>(items: Iterable<T>, typeOf: (item: T) => string | undefined): ReadonlyMap<string, readonly T[]> {
  const types = new Map<string, T[]>();
  for (const item of items) {
    const typeUrl = typeOf(item);
    if (typeUrl === undefined) continue;
    const ofType = types.get(typeUrl);
    if (ofType === undefined) types.set(typeUrl, [item]);
    else ofType.push(item);
  }
  return types;
}

function sameResources(a: ReadonlyMap<string, Resource>, b: ReadonlyMap<string, Resource>): boolean {
  if (a === b) return true;
  if (a.size !== b.size) return false;
  for (const [name, { version }] of a) if (b.get(name)?.version !== version) return false;
  return true;
}

/**
 * Finds, among many routes, the few that may match, without trying each: exact paths and prefixes are looked up in
 * tables, and routes of one path by the header or query value that they want. Only the others are always tried. The
 * order of the routes is kept: the first that matches wins.
 *
 * @module
 */
import type { ValueKey } from "../match/check.ts";
import type { PathKey } from "../match/path-matcher.ts";
import type { RequestView } from "../request.ts";
import { type BucketEntry, eachList, type Numbers, type RouteBucket, routeBucket } from "./route-bucket.ts";

/** Below this many it is quicker to try all. */
export const INDEX_FROM = 17;

/** What a route wants, as far as tables can answer it. */
export interface RouteKeys {
  readonly path: PathKey | undefined;
  readonly values: readonly ValueKey[];
}

export class RouteIndex {
  readonly #exact: ReadonlyMap<string, RouteBucket>;
  readonly #prefixes: ReadonlyMap<string, RouteBucket>;
  readonly #lengths: readonly number[];
  readonly #others: RouteBucket | undefined;
  /** Lists that may hold a match, and how far each is tried. Kept between calls: a find calls nothing that finds. */
  readonly #lists: Numbers[] = [];
  readonly #next: number[] = [];
  #count = 0;

  constructor(keys: readonly RouteKeys[]) {
    const entries = keys.map(({ path, values }, number) => ({ path, values, number }));
    this.#exact = bucketsOf(entries, "exact");
    this.#prefixes = bucketsOf(entries, "prefix");
    this.#lengths = [...new Set([...this.#prefixes.keys()].map((text) => text.length))].sort((a, b) => a - b);
    const others = entries.filter(({ path }) => path === undefined);
    this.#others = others.length === 0 ? undefined : routeBucket(others);
  }

  /** The first number, in order, for which `matches` holds; -1 for none. */
  find(path: string, request: RequestView, matches: (number: number) => boolean): number {
    this.#collect(path, request);
    while (this.#count > 0) {
      const list = this.#lowest();
      const numbers = this.#lists[list] as Numbers;
      const at = this.#next[list] as number;
      const number = numbers[at] as number;
      if (matches(number)) return number;
      if (at + 1 < numbers.length) this.#next[list] = at + 1;
      else this.#drop(list);
    }
    return -1;
  }

  #collect(path: string, request: RequestView): void {
    this.#count = 0;
    if (this.#others !== undefined) eachList(this.#others, request, this.#add);
    const exact = this.#exact.get(path);
    if (exact !== undefined) eachList(exact, request, this.#add);
    for (const length of this.#lengths) {
      if (length > path.length) break;
      const bucket = this.#prefixes.get(path.slice(0, length));
      if (bucket !== undefined) eachList(bucket, request, this.#add);
    }
  }

  readonly #add = (numbers: Numbers): void => {
    this.#lists[this.#count] = numbers;
    this.#next[this.#count] = 0;
    this.#count++;
  };

  #drop(list: number): void {
    this.#count--;
    this.#lists[list] = this.#lists[this.#count] as Numbers;
    this.#next[list] = this.#next[this.#count] as number;
  }

  /** The list whose next number is the lowest. */
  #lowest(): number {
    let best = 0;
    for (let i = 1; i < this.#count; i++) if (this.#peek(i) < this.#peek(best)) best = i;
    return best;
  }

  #peek(list: number): number {
    return (this.#lists[list] as Numbers)[this.#next[list] as number] as number;
  }
}

interface Entry extends BucketEntry {
  readonly path: PathKey | undefined;
}

function bucketsOf(entries: readonly Entry[], kind: PathKey["t"]): ReadonlyMap<string, RouteBucket> {
  const groups = new Map<string, Entry[]>();
  for (const entry of entries) {
    if (entry.path?.t !== kind) continue;
    const group = groups.get(entry.path.text);
    if (group === undefined) groups.set(entry.path.text, [entry]);
    else group.push(entry);
  }
  return new Map([...groups].map(([text, group]) => [text, routeBucket(group)]));
}

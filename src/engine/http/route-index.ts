/**
 * Finds, among many routes, the few whose path may match, without trying each: exact paths and prefixes are looked up
 * in tables, and only the others are always tried. The order of the routes is kept: the first that matches wins.
 *
 * @module
 */
import type { PathKey } from "../match/path-matcher.ts";

/** Below this many it is quicker to try all. */
export const INDEX_FROM = 17;

/** Numbers of routes, rising. */
type Numbers = number[];

export class RouteIndex {
  readonly #exact = new Map<string, Numbers>();
  readonly #prefixes = new Map<string, Numbers>();
  readonly #lengths: readonly number[];
  readonly #others: Numbers = [];
  /** Lists that may hold a match, and how far each is tried. Kept between calls: a find calls nothing that finds. */
  readonly #lists: Numbers[] = [];
  readonly #next: number[] = [];

  constructor(keys: readonly (PathKey | undefined)[]) {
    for (const [i, key] of keys.entries()) {
      if (key === undefined) this.#others.push(i);
      else if (key.t === "exact") append(this.#exact, key.text, i);
      else append(this.#prefixes, key.text, i);
    }
    this.#lengths = [...new Set([...this.#prefixes.keys()].map((text) => text.length))].sort((a, b) => a - b);
  }

  /** The first number, in order, for which `matches` holds; -1 for none. */
  find(path: string, matches: (number: number) => boolean): number {
    let count = this.#collect(path);
    while (count > 0) {
      const list = this.#lowest(count);
      const numbers = this.#lists[list] as Numbers;
      const at = this.#next[list] as number;
      const number = numbers[at] as number;
      if (matches(number)) return number;
      if (at + 1 < numbers.length) this.#next[list] = at + 1;
      else {
        count--;
        this.#lists[list] = this.#lists[count] as Numbers;
        this.#next[list] = this.#next[count] as number;
      }
    }
    return -1;
  }

  #collect(path: string): number {
    let count = this.#add(0, this.#others.length > 0 ? this.#others : undefined);
    count = this.#add(count, this.#exact.get(path));
    for (const length of this.#lengths) {
      if (length > path.length) break;
      count = this.#add(count, this.#prefixes.get(path.slice(0, length)));
    }
    return count;
  }

  #add(count: number, numbers: Numbers | undefined): number {
    if (numbers === undefined) return count;
    this.#lists[count] = numbers;
    this.#next[count] = 0;
    return count + 1;
  }

  /** The list whose next number is the lowest. */
  #lowest(count: number): number {
    let best = 0;
    for (let i = 1; i < count; i++) if (this.#peek(i) < this.#peek(best)) best = i;
    return best;
  }

  #peek(list: number): number {
    return (this.#lists[list] as Numbers)[this.#next[list] as number] as number;
  }
}

function append(map: Map<string, Numbers>, key: string, number: number): void {
  const numbers = map.get(key);
  if (numbers === undefined) map.set(key, [number]);
  else numbers.push(number);
}

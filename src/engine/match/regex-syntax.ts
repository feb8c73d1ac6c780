/**
 * The part of RE2's syntax that most configured expressions keep to: characters, classes, repetition, alternatives, and
 * groups that are not repeated. What is beyond it parses as undefined and is left to the full engine.
 *
 * Source: RE2's syntax page.
 *
 * @module
 */
import { ANY_CHAR, type CharSet, CLASS_ESCAPES, complement, setOf, singleton, union } from "./char-set.ts";

export type Alternatives = readonly Sequence[];
export type Sequence = readonly Item[];
export type Item =
  /** Members of a set, `min` to `max` of them. */
  | { readonly t: "chars"; readonly set: CharSet; readonly min: number; readonly max: number }
  | { readonly t: "group"; readonly alternatives: Alternatives };

const MAX_REPEAT = 1000;
const PUNCTUATION = /[!-/:-@[-`{-~]/;

/** For a match of the whole value: `^` at the start and `$` at the end are allowed and mean nothing. */
export function parseRegex(pattern: string): Alternatives | undefined {
  const parser = new Parser(pattern);
  const alternatives = parser.alternatives();
  return alternatives !== undefined && parser.done ? alternatives : undefined;
}

class Parser {
  readonly #text: string;
  #at = 0;
  #depth = 0;

  constructor(text: string) {
    this.#text = text;
  }

  get done(): boolean {
    return this.#at === this.#text.length;
  }

  alternatives(): Alternatives | undefined {
    const found: Sequence[] = [];
    do {
      const sequence = this.#sequence();
      if (sequence === undefined) return undefined;
      found.push(sequence);
    } while (this.#take("|"));
    return found;
  }

  #sequence(): Sequence | undefined {
    const items: Item[] = [];
    if (this.#depth === 0) this.#take("^");
    while (!this.done && !this.#sees("|") && !this.#sees(")")) {
      if (this.#depth === 0 && this.#atEndAnchor()) break;
      const item = this.#sees("(") ? this.#group() : this.#chars();
      if (item === undefined) return undefined;
      items.push(item);
    }
    return items;
  }

  /** `$` where the alternative ends. */
  #atEndAnchor(): boolean {
    const next = this.#text[this.#at + 1];
    if (!this.#sees("$") || (next !== undefined && next !== "|")) return false;
    this.#at++;
    return true;
  }

  #group(): Item | undefined {
    this.#at++;
    if (this.#take("?") && !this.#take(":")) return undefined;
    if (this.#depth > 3) return undefined;
    this.#depth++;
    const alternatives = this.alternatives();
    this.#depth--;
    if (alternatives === undefined || !this.#take(")")) return undefined;
    return this.#text[this.#at] !== undefined && "*+?{".includes(this.#text[this.#at] as string)
      ? undefined
      : { t: "group", alternatives };
  }

  #chars(): Item | undefined {
    const set = this.#set();
    const range = set === undefined ? undefined : this.#repeat();
    if (set === undefined || range === undefined) return undefined;
    return { t: "chars", set, min: range[0], max: range[1] };
  }

  #set(): CharSet | undefined {
    const char = this.#text[this.#at++] as string;
    if (char === ".") return ANY_CHAR;
    if (char === "[") return this.#class();
    if (char === "\\") return this.#escape();
    if ("*+?{^$".includes(char) || char.charCodeAt(0) > 0x7f) return undefined;
    return singleton(char.charCodeAt(0));
  }

  #escape(): CharSet | undefined {
    const char = this.#text[this.#at++];
    if (char === undefined) return undefined;
    return CLASS_ESCAPES.get(char) ?? (PUNCTUATION.test(char) ? singleton(char.charCodeAt(0)) : undefined);
  }

  #class(): CharSet | undefined {
    const negated = this.#take("^");
    const sets: CharSet[] = [];
    for (let first = true; first || !this.#take("]"); first = false) {
      const set = this.#classMember(first);
      if (set === undefined) return undefined;
      sets.push(set);
    }
    // A negated class of RE2 holds the line feed, unlike the dot.
    return negated ? complement(union(sets)) : union(sets);
  }

  #classMember(first: boolean): CharSet | undefined {
    const char = this.#text[this.#at];
    // `[:alpha:]`, a leading `]` and what is not ASCII are for the full engine.
    if (char === undefined || char === "[" || (first && char === "]") || char.charCodeAt(0) > 0x7f) return undefined;
    this.#at++;
    const from = char === "\\" ? this.#escape() : singleton(char.charCodeAt(0));
    if (from === undefined || !this.#sees("-") || this.#text[this.#at + 1] === "]") return from;
    this.#at++;
    return this.#classRange(from);
  }

  #classRange(from: CharSet): CharSet | undefined {
    const char = this.#text[this.#at++];
    const to = char === "\\" ? this.#escape() : char === undefined || char === "[" ? undefined : singletonOf(char);
    if (to === undefined) return undefined;
    const low = from.indexOf(1);
    const high = to.indexOf(1);
    const single = from.lastIndexOf(1) === low && to.lastIndexOf(1) === high;
    return single && low <= high ? setOf((c) => c >= low && c <= high) : undefined;
  }

  #repeat(): readonly [number, number] | undefined {
    const range = this.#quantifier();
    if (range === undefined) return undefined;
    if (range !== ONCE) this.#take("?"); // lazy: the same for a match of the whole
    const next = this.#text[this.#at];
    return range !== ONCE && next !== undefined && "*+?{".includes(next) ? undefined : range;
  }

  #quantifier(): readonly [number, number] | undefined {
    if (this.#take("*")) return [0, Number.POSITIVE_INFINITY];
    if (this.#take("+")) return [1, Number.POSITIVE_INFINITY];
    if (this.#take("?")) return [0, 1];
    if (!this.#sees("{")) return ONCE;
    const counted = /^\{(\d{1,4})(,(\d{0,4}))?\}/.exec(this.#text.slice(this.#at, this.#at + 12));
    if (counted === null) return undefined;
    this.#at += counted[0].length;
    const min = Number(counted[1]);
    const max = counted[2] === undefined ? min : counted[3] === "" ? Number.POSITIVE_INFINITY : Number(counted[3]);
    return min > MAX_REPEAT || min > max || (max > MAX_REPEAT && Number.isFinite(max)) ? undefined : [min, max];
  }

  #sees(char: string): boolean {
    return this.#text[this.#at] === char;
  }

  #take(char: string): boolean {
    if (!this.#sees(char)) return false;
    this.#at++;
    return true;
  }
}

const ONCE: readonly [number, number] = [1, 1];
const singletonOf = (char: string): CharSet | undefined =>
  char.charCodeAt(0) > 0x7f ? undefined : singleton(char.charCodeAt(0));

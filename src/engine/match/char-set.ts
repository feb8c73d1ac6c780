/**
 * Sets of bytes, as regular expressions name them.
 *
 * @module
 */

/** 256 entries; 1 for a member. */
export type CharSet = Readonly<Uint8Array>;

export function setOf(has: (code: number) => boolean): CharSet {
  return Uint8Array.from({ length: 256 }, (_, code) => (has(code) ? 1 : 0));
}

export const singleton = (code: number): CharSet => setOf((c) => c === code);
export const complement = (set: CharSet): CharSet => setOf((c) => set[c] === 0);
export const union = (sets: readonly CharSet[]): CharSet => setOf((c) => sets.some((set) => set[c] === 1));
export const isDisjoint = (a: CharSet, b: CharSet): boolean => a.every((member, code) => member === 0 || b[code] === 0);

/** The only member, or undefined when there are more or none. */
export function onlyMember(set: CharSet): number | undefined {
  const first = set.indexOf(1);
  return first >= 0 && set.indexOf(1, first + 1) < 0 ? first : undefined;
}

const DIGIT = setOf((c) => c >= 0x30 && c <= 0x39);
const WORD = setOf((c) => DIGIT[c] === 1 || (c >= 0x41 && c <= 0x5a) || (c >= 0x61 && c <= 0x7a) || c === 0x5f);
/** RE2's: no vertical tab and no Unicode space. */
const SPACE = setOf((c) => c === 0x20 || c === 0x09 || c === 0x0a || c === 0x0c || c === 0x0d);

/** Anything but a line feed. */
export const ANY_CHAR = setOf((c) => c !== 0x0a);

/** `\d` and its like, by their letter. */
export const CLASS_ESCAPES: ReadonlyMap<string, CharSet> = new Map([
  ["d", DIGIT],
  ["D", complement(DIGIT)],
  ["w", WORD],
  ["W", complement(WORD)],
  ["s", SPACE],
  ["S", complement(SPACE)],
]);

/** A JavaScript character class of these members. */
export function classSource(set: CharSet): string {
  const ranges: string[] = [];
  for (let from = set.indexOf(1); from >= 0; ) {
    let to = from;
    while (set[to + 1] === 1) to++;
    ranges.push(from === to ? hex(from) : `${hex(from)}-${hex(to)}`);
    from = set.indexOf(1, to + 1);
  }
  return `[${ranges.join("")}]`;
}

const hex = (code: number): string => `\\x${code.toString(16).padStart(2, "0")}`;

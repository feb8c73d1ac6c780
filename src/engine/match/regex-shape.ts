/**
 * Expressions that only ask how a value begins, ends or what it holds: `/api/.*`, `.*\.html`, `a|b`. They become plain
 * string tests.
 *
 * @module
 */
import { ANY_CHAR, onlyMember } from "./char-set.ts";
import type { Alternatives, Item, Sequence } from "./regex-syntax.ts";

export type StringTest = (value: string) => boolean;

/** Undefined when the expression asks for more. */
export function stringTestOf(alternatives: Alternatives): StringTest | undefined {
  const tests: StringTest[] = [];
  const exact = new Set<string>();
  for (const sequence of alternatives) {
    const literal = literalOf(sequence);
    const test = literal === undefined ? testOf(sequence) : undefined;
    if (literal !== undefined) exact.add(literal);
    else if (test !== undefined) tests.push(test);
    else return undefined;
  }
  if (exact.size > 0) tests.unshift(exactTest(exact));
  return tests.length === 1 ? tests[0] : (value) => tests.some((test) => test(value));
}

/** The text that all alternatives begin with. */
export function startOf(alternatives: Alternatives): string {
  const [first = "", ...rest] = alternatives.map(startOfSequence);
  return rest.reduce(commonStart, first);
}

function startOfSequence(sequence: Sequence): string {
  let text = "";
  for (const item of sequence) {
    if (item.t === "group") return text + startOf(item.alternatives);
    const code = onlyMember(item.set);
    if (code === undefined) break;
    text += String.fromCharCode(code).repeat(item.min);
    if (item.max !== item.min) break;
  }
  return text;
}

function commonStart(a: string, b: string): string {
  let length = 0;
  while (length < a.length && a[length] === b[length]) length++;
  return a.slice(0, length);
}

function exactTest(exact: ReadonlySet<string>): StringTest {
  const [only] = exact;
  return exact.size === 1 ? (value) => value === only : (value) => exact.has(value);
}

/** Wildcards at the ends, with text between them. Values have no line feed, so a dot matches every character. */
function testOf(sequence: Sequence): StringTest | undefined {
  const first = wildcard(sequence[0]);
  const last = sequence.length > 1 ? wildcard(sequence.at(-1)) : undefined;
  const text = literalOf(sequence.slice(first === undefined ? 0 : 1, last === undefined ? undefined : -1));
  if (text === undefined) return undefined;
  if (first !== undefined && last !== undefined) {
    return (value) => {
      const at = value.indexOf(text, first);
      return at >= 0 && at + text.length + last <= value.length;
    };
  }
  if (last !== undefined) return (value) => value.length >= text.length + last && value.startsWith(text);
  if (first === undefined) return undefined;
  return (value) => value.length >= text.length + first && value.endsWith(text);
}

/** Of `.*` and `.+`: how many characters it takes at least. */
function wildcard(item: Item | undefined): number | undefined {
  return item?.t === "chars" && item.set === ANY_CHAR && item.max === Number.POSITIVE_INFINITY ? item.min : undefined;
}

function literalOf(sequence: Sequence): string | undefined {
  let text = "";
  for (const item of sequence) {
    const code = item.t === "chars" && item.min === item.max ? onlyMember(item.set) : undefined;
    if (code === undefined || item.t !== "chars") return undefined;
    text += String.fromCharCode(code).repeat(item.min);
  }
  return text;
}

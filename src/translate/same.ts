/**
 * When two values are the same, so that what was made of the one holds for the other.
 *
 * Plain values are compared by what they hold. What hides something (a secret's text), or is kept by its identity, is only the same as itself.
 *
 * @module
 */

export function isSame(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (Array.isArray(a))
    return Array.isArray(b) && a.length === b.length && a.every((item, i) => isSame(item, (b as unknown[])[i]));
  if (a instanceof Uint8Array) return b instanceof Uint8Array && Buffer.compare(a, b) === 0;
  if (a instanceof Map) return b instanceof Map && isSame([...a], [...b]);
  return isPlain(a) && isPlain(b) && sameFields(a, b);
}

type Plain = Readonly<Record<string, unknown>>;

function isPlain(value: object): value is Plain {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function sameFields(a: Plain, b: Plain): boolean {
  const names = Object.keys(a);
  return (
    names.length === Object.keys(b).length && names.every((name) => Object.hasOwn(b, name) && isSame(a[name], b[name]))
  );
}

/**
 * `next`, with whatever is as it was in `before` as the very value that it was.
 *
 * @param depth How many lists and objects are looked into where they are not the same as a whole.
 */
export function settled<T>(before: unknown, next: T, depth = 3): T {
  if (isSame(before, next)) return before as T;
  if (depth === 0 || typeof next !== "object" || next === null || typeof before !== "object" || before === null)
    return next;
  if (Array.isArray(next)) return (Array.isArray(before) ? settledItems(before, next, depth) : next) as T;
  if (Array.isArray(before) || !isPlain(next) || !isPlain(before)) return next;
  const fields = Object.entries(next).map(([name, value]) => [name, settled(before[name], value, depth - 1)] as const);
  return Object.fromEntries(fields) as T;
}

/** By their places: what moved is made anew. */
const settledItems = (before: readonly unknown[], next: readonly unknown[], depth: number): readonly unknown[] =>
  next.map((item, i) => settled(before[i], item, depth - 1));

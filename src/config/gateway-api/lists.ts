/**
 * Lists as the Gateway API has them: with a limit, and often with a key that stands once.
 *
 * @module
 */
import type { Node, Read } from "../node.ts";
import { quote } from "../tree.ts";

interface ListRule<T> {
  /** @default 0 */
  readonly min?: number;
  readonly max: number;
  /** What no two items may share. */
  readonly key?: (item: T) => string | undefined;
}

/** A list from `min` to `max` items, none of them twice. */
export function listOf<T>(read: Read<T>, { min = 0, max, key }: ListRule<T>): Read<readonly T[]> {
  return (node) => {
    const items = node.items();
    if (node.tree.t === "list" && items.length < min)
      node.fail(`must have ${min} or more items, found ${items.length}`);
    if (items.length > max) node.fail(`may have ${max} items, found ${items.length}`);
    const values = items.slice(0, max).map(read);
    if (key !== undefined) onlyOnce(values, items, key);
    return values;
  };
}

function onlyOnce<T>(values: readonly T[], nodes: readonly Node[], key: (item: T) => string | undefined): void {
  const seen = new Set<string>();
  values.forEach((value, i) => {
    const name = key(value);
    if (name === undefined) return;
    if (seen.has(name)) nodes[i]?.fail(`stands twice: ${quote(name)}`);
    seen.add(name);
  });
}

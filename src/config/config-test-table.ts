/**
 * The table of a case: its first row names fields (`request.from`, `expect.outcome`), each other row is a case of its own. A cell
 * stands in the place of its field; an empty one leaves the field as the case has it.
 *
 * @module
 */
import { EXPECT_COLUMNS } from "./config-expectations.ts";
import { didYouMean } from "./did-you-mean.ts";
import type { Node } from "./node.ts";
import { text } from "./read-values.ts";
import { type Entry, quote, type Tree } from "./tree.ts";

const COLUMNS: readonly string[] = [
  "request.from",
  "request.method",
  "request.url",
  "request.headers",
  ...EXPECT_COLUMNS,
];

/** `expect.request.headers.x-a`: what follows is the header's name, whatever is in it. */
const HEADER = /^((?:expect\.(?:request|response)|request)\.headers)\.(.+)$/;

/** The case's node for each row; none where the table is wrong. */
export function tableRows(node: Node, table: Node): readonly Node[] {
  const [head, ...rows] = table.items();
  const columns = head?.items().map(column) ?? [];
  if (head === undefined || rows.length === 0) {
    table.fail("must have a row of fields and at least one more row");
    return [];
  }
  if (columns.some((path) => path === undefined)) return [];
  return rows.flatMap((row) => {
    const cells = row.items();
    if (cells.length !== columns.length) {
      row.fail(`must have ${columns.length} cells, as the first row has, found ${cells.length}`);
      return [];
    }
    const filled = cells.reduce(
      (tree, cell, c) => withValue(tree, columns[c] ?? [], { keyPlace: cell.place, value: cell.tree }),
      withoutTable(node.tree),
    );
    return [node.withTree({ ...filled, place: row.place })];
  });
}

/** The way to a field; undefined, with a problem, for what is none. */
function column(node: Node): readonly string[] | undefined {
  const name = text(node);
  const [, fields, header] = HEADER.exec(name) ?? [];
  if (fields !== undefined && header !== undefined) return [...fields.split("."), header];
  if (COLUMNS.includes(name)) return name.split(".");
  node.fail(
    `must be a field of request or expect, such as request.from or expect.outcome, found ${quote(name)}${didYouMean(name, COLUMNS)}`,
  );
  return undefined;
}

function withoutTable(tree: Tree): Tree {
  if (tree.t !== "map") return tree;
  return { ...tree, entries: new Map([...tree.entries].filter(([key]) => key !== "table")) };
}

function withValue(tree: Tree, [key, ...rest]: readonly string[], entry: Entry): Tree {
  const isEmpty = entry.value.t === "scalar" && entry.value.value === null;
  if (key === undefined || isEmpty) return key === undefined ? entry.value : tree;
  const entries = new Map(tree.t === "map" ? tree.entries : []);
  const before = entries.get(key);
  const inner: Tree = before?.value ?? { t: "map", place: entry.value.place, entries: new Map() };
  entries.set(key, { keyPlace: before?.keyPlace ?? entry.keyPlace, value: withValue(inner, rest, entry) });
  return { t: "map", place: tree.place, entries };
}

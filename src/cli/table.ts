/**
 * Columns of text. Numbers and what looks like them stand on the right.
 *
 * @module
 */
import type { Paint } from "./paint.ts";

/** Lines of a table under `headings`. Columns are as wide as their widest cell. */
export function table(
  headings: readonly string[],
  rows: readonly (readonly string[])[],
  paint: Paint,
): readonly string[] {
  const widths = headings.map((h, i) => Math.max(h.length, ...rows.map((row) => row[i]?.length ?? 0)));
  const right = headings.map(
    (_, i) => rows.length > 0 && rows.every((row) => /^[\d.,]+( ?(ms|s|%))?$/.test(row[i] ?? "")),
  );
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, i) => (right[i] === true ? cell.padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0)))
      .join("  ")
      .trimEnd();
  return [paint.bold(line(headings)), ...rows.map(line)];
}

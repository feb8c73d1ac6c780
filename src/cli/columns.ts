/**
 * Columns of words under headings, as `istioctl` and `kubectl` print them. Cells may be painted: width is what is seen.
 *
 * @module
 */
import type { Paint } from "./paint.ts";

const GAP = "   ";

/** Lines with their line feeds. */
export function columns(headings: readonly string[], rows: readonly (readonly string[])[], paint: Paint): string {
  const widths = headings.map((heading, i) => Math.max(heading.length, ...rows.map((row) => widthOf(row[i] ?? ""))));
  const line = (cells: readonly string[]): string =>
    `${cells
      .map((cell, i) => cell + " ".repeat(Math.max(0, (widths[i] ?? 0) - widthOf(cell))))
      .join(GAP)
      .trimEnd()}\n`;
  return [headings.map(paint.bold), ...rows].map(line).join("");
}

// oxlint-disable-next-line no-control-regex
const COLOUR = /\u001b\[\d+m/g;

const widthOf = (cell: string): number => cell.replace(COLOUR, "").length;

/**
 * Applies compiled header edits.
 *
 * Source: Envoy's order within a level. What is removed goes first; then all values are made, and all conditions asked, of
 * what is left, so no edit sees another of its level; then headers are replaced, then added.
 *
 * @module
 */
import type { HeaderOperation } from "../http.ts";
import type { SubstitutionView } from "../request.ts";

/** The headers that are edited. */
export interface EditedHeaders {
  has(lowerName: string): boolean;
  remove(lowerName: string): void;
  replace(operation: HeaderOperation, value: string): void;
  add(operation: HeaderOperation, value: string): void;
}

/** @param view Sees the headers as they are while they are edited. */
export function applyEdits(
  operations: readonly HeaderOperation[],
  headers: EditedHeaders,
  view: SubstitutionView,
): void {
  for (let start = 0; start < operations.length; ) {
    let end = start + 1;
    while (end < operations.length && operations[end]?.opensLevel !== true) end++;
    applyLevel(operations, start, end, headers, view);
    start = end;
  }
}

/** Values of the level at work, by the index of their operation; no edit makes others begin. */
const VALUES: (string | undefined)[] = [];

function applyLevel(
  operations: readonly HeaderOperation[],
  start: number,
  end: number,
  headers: EditedHeaders,
  view: SubstitutionView,
): void {
  for (let i = start; i < end; i++) {
    const { t, lowerName } = operations[i] as HeaderOperation;
    if (t === "remove") headers.remove(lowerName);
  }
  for (let i = start; i < end; i++) VALUES[i] = valueOf(operations[i] as HeaderOperation, headers, view);
  for (let i = start; i < end; i++) {
    const operation = operations[i] as HeaderOperation;
    const value = VALUES[i];
    if (value !== undefined && replaces(operation)) headers.replace(operation, value);
  }
  for (let i = start; i < end; i++) {
    const operation = operations[i] as HeaderOperation;
    const value = VALUES[i];
    if (value !== undefined && !replaces(operation)) headers.add(operation, value);
  }
}

const replaces = ({ t }: HeaderOperation): boolean => t === "set" || t === "setIfPresent";

/** Undefined: the operation changes nothing, or has been done. */
function valueOf(operation: HeaderOperation, headers: EditedHeaders, view: SubstitutionView): string | undefined {
  const { t, lowerName } = operation;
  if (t === "remove") return undefined;
  const value = operation.value ?? operation.format?.(view) ?? "";
  if (value === "" && !operation.keepEmpty) return undefined;
  if (t === "addIfAbsent" && headers.has(lowerName)) return undefined;
  return t === "setIfPresent" && !headers.has(lowerName) ? undefined : value;
}

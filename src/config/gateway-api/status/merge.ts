/**
 * Conditions into a status that others write to as well.
 *
 * Source: the specification: entries of other controllers stay as they are, and so do conditions of other types at ours; entries
 * of ours that hold no more are taken away.
 *
 * @module
 */
import type { Condition } from "./condition.ts";

/** One item of `status.parents`, or of `status.ancestors`. */
interface Entry {
  readonly controllerName: string;
  readonly conditions: readonly Pick<Condition, "type">[];
}

/**
 * @param isOurs Names of our controllers.
 * @param isSame Whether two entries speak of the same parent.
 */
export function mergedEntries<There extends Entry, Own extends Entry>(
  there: readonly There[],
  own: readonly Own[],
  isOurs: (controllerName: string) => boolean,
  isSame: (there: There, own: Own) => boolean,
): readonly (There | (Own & { readonly conditions: readonly Pick<Condition, "type">[] }))[] {
  const merged = own.map((entry) => {
    const earlier = there.find((t) => isOurs(t.controllerName) && isSame(t, entry));
    const others = earlier?.conditions.filter((c) => entry.conditions.every((o) => o.type !== c.type)) ?? [];
    return { ...entry, conditions: [...entry.conditions, ...others] };
  });
  return [...there.filter((t) => !isOurs(t.controllerName)), ...merged];
}

/**
 * How a string is matched. Istio's `StringMatch`, with `suffix` and `present` for authorization and empty header matches.
 *
 * @module
 */

export type StringMatch =
  | { readonly t: "exact"; readonly value: string }
  | { readonly t: "prefix"; readonly value: string }
  | { readonly t: "suffix"; readonly value: string }
  /** RE2 syntax; the whole value must match. */
  | { readonly t: "regex"; readonly value: string }
  /** Any value, so long as there is one. */
  | { readonly t: "present" };

/** All labels must be there with these values; no labels select everything. */
export type LabelSelector = Readonly<Record<string, string>>;

/** Whether `labels` carry everything that `selector` asks for. */
export function selects(selector: LabelSelector, labels: Readonly<Record<string, string>>): boolean {
  return Object.entries(selector).every(([key, value]) => labels[key] === value);
}

/**
 * What stands in an AuthorizationPolicy behind each condition of its RBAC policy. It goes to no proxy: `explain` reads the engine's
 * reasons beside it, and tells them in the document's words.
 *
 * @module
 */
import type { StringMatch } from "../model/match.ts";
import type { AuthorizationCondition } from "../model/security.ts";

/** In the order and with the brackets of the RBAC policy; a group of one is the one. */
export type WrittenPolicy =
  | { readonly t: "group"; readonly items: readonly WrittenPolicy[] }
  | { readonly t: "not"; readonly inner: WrittenPolicy }
  | WrittenValue
  | { readonly any: true; readonly t?: undefined };

export interface WrittenValue {
  readonly t: "value";
  /** `to[0].operation.methods`, `when[1].values`. */
  readonly field: string;
  /** What of the call it is about: a field's name without `not`, or the key of a condition. */
  readonly about: string;
  readonly text: string;
}

/** The values of one field and of its opposite. */
export interface WrittenTerm {
  readonly any: readonly WrittenValue[];
  readonly none: readonly WrittenValue[];
}

export const group = (items: readonly WrittenPolicy[]): WrittenPolicy =>
  items.length === 1 && items[0] !== undefined ? items[0] : { t: "group", items };

export function writtenTerm(
  anyField: string,
  any: readonly string[],
  noneField: string,
  none: readonly string[],
  about = anyField.replace(/^.*\./, ""),
): WrittenTerm {
  const value = (field: string) => (text: string) => ({ t: "value" as const, field, about, text });
  return { any: any.map(value(anyField)), none: none.map(value(noneField)) };
}

export const patternTerm = (
  anyField: string,
  any: readonly StringMatch[],
  noneField: string,
  none: readonly StringMatch[],
): WrittenTerm => writtenTerm(anyField, any.map(patternText), noneField, none.map(patternText));

/** The same wherever it stands: it is asked in each alternative of `from` or `to`. */
export const conditionTerm = ({ key, values, notValues }: AuthorizationCondition, index: number): WrittenTerm =>
  writtenTerm(`when[${index}].values`, values, `when[${index}].notValues`, notValues, key);

/** @param prefix Of what stands in an alternative: `to[0].`. */
export function writtenConditions({ any, none }: WrittenTerm, prefix: string): readonly WrittenPolicy[] {
  const placed = (value: WrittenValue): WrittenValue =>
    value.field.startsWith("when") ? value : { ...value, field: prefix + value.field };
  return [
    ...(any.length === 0 ? [] : [group(any.map(placed))]),
    ...(none.length === 0 ? [] : [{ t: "not" as const, inner: group(none.map(placed)) }]),
  ];
}

/** As Istio's documents write it: `abc*`, `*abc`, `*`. */
function patternText(match: StringMatch): string {
  if (match.t === "present") return "*";
  if (match.t === "prefix") return `${match.value}*`;
  return match.t === "suffix" ? `*${match.value}` : match.value;
}

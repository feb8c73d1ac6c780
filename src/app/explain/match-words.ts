/**
 * The engine's verdict on a condition in the words of the document: `http[1].match[0].uri.prefix: /api, the path is /v2`.
 *
 * @module
 */
import type { TraceCondition } from "../../engine/trace.ts";
import type { ConditionStep } from "./explanation.ts";
import type { FieldOf } from "./written-fields.ts";

/** What the engine's reasons look like: `header end-user: wanted exact "jason", found "bob"`. */
const REASON = /^(path|header|query)(?: (.+?))?: wanted (.*), found (nothing|"(?:[^"\\]|\\.)*")$/s;

/**
 * @param path Of the match: `http[1].match[0]`.
 * @returns Undefined for a condition that the document does not write, and that every call meets.
 */
export function conditionWords(
  fieldOf: FieldOf,
  path: string,
  { holds, reason }: TraceCondition,
): ConditionStep | undefined {
  const [, kind, name = "", wanted = "", quoted = ""] = REASON.exec(reason) ?? [];
  const isKnown = kind === "path" || kind === "header" || kind === "query";
  const inverted = wanted === "none" || wanted.startsWith("not ");
  const written = isKnown ? fieldOf({ kind, name, inverted }) : undefined;
  if (written === undefined) return kind === "path" && holds ? undefined : { holds, field: undefined, text: reason };
  const { field, more = "", noun, value } = written;
  const is = quoted === "nothing" ? "the request has none" : `the ${noun} is ${shown(String(JSON.parse(quoted)))}`;
  const whole = `${path}.${field}`;
  return { holds, field: whole, text: `${whole}: ${value === undefined ? "any value" : shown(value)}${more}, ${is}` };
}

/** As it is, where nothing in it could mislead. */
export const shown = (value: string): string =>
  /^[\p{L}\p{N}\p{P}\p{S} ]+$/u.test(value) && !/^[ "']|"| $/.test(value) ? value : JSON.stringify(value);

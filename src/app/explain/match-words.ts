/**
 * The engine's verdict on a condition in the words of the document: `http[1].match[0].uri.prefix: /api, the path is /v2`.
 *
 * @module
 */
import { pathStep } from "../../config/tree.ts";
import type { TraceCondition } from "../../engine/trace.ts";
import type { StringMatch } from "../../model/match.ts";
import type { HttpMatch } from "../../model/virtual-service.ts";
import type { ConditionStep } from "./explanation.ts";

/** What the engine's reasons look like: `header end-user: wanted exact "jason", found "bob"`. */
const REASON = /^(path|header|query)(?: (.+?))?: wanted (.*), found (nothing|"(?:[^"\\]|\\.)*")$/s;

/** @param path Of the match: `http[1].match[0]`. Undefined for a condition that the document does not write. */
export function conditionWords(
  match: HttpMatch | undefined,
  path: string,
  { holds, reason }: TraceCondition,
): ConditionStep | undefined {
  const [, kind, name = "", wanted = "", quoted = ""] = REASON.exec(reason) ?? [];
  const found = quoted === "nothing" || quoted === "" ? undefined : (JSON.parse(quoted) as string);
  const written = match && kind && writtenFor(match, kind, name, wanted);
  if (!written) return kind === "path" && holds ? undefined : { holds, field: undefined, text: reason };
  const { field, want, noun, more } = written;
  const is = found === undefined ? "the request has none" : `the ${noun} is ${shown(found)}`;
  const value = want.t === "present" ? "any value" : shown(want.value);
  const whole = `${path}.${field}${want.t === "present" ? "" : `.${want.t}`}`;
  return { holds, field: whole, text: `${whole}: ${value}${more ?? ""}, ${is}` };
}

interface Written {
  readonly field: string;
  readonly want: StringMatch;
  /** What of a request it asks for. */
  readonly noun: string;
  readonly more?: string;
}

function writtenFor(match: HttpMatch, kind: string, name: string, wanted: string): Written | undefined {
  if (kind === "path")
    return (
      match.uri && { field: "uri", want: match.uri, noun: "path", more: match.ignoreUriCase ? " in any case" : "" }
    );
  if (kind === "query") return keyed("queryParams", match.queryParams, name, "parameter");
  const pseudo = PSEUDO[name];
  const whole = pseudo && match[pseudo.field];
  if (whole) return { field: pseudo.field, want: whole, noun: pseudo.noun };
  // Of one header both may be asked: what is inverted stands under withoutHeaders.
  const isInverted = wanted === "none" || wanted.startsWith("not ");
  return isInverted
    ? keyed("withoutHeaders", match.withoutHeaders, name, "header")
    : keyed("headers", match.headers, name, "header");
}

const PSEUDO: Readonly<Record<string, { readonly field: "method" | "authority" | "scheme"; readonly noun: string }>> = {
  ":method": { field: "method", noun: "method" },
  ":authority": { field: "authority", noun: "host" },
  ":scheme": { field: "scheme", noun: "scheme" },
};

function keyed(
  field: string,
  all: Readonly<Record<string, StringMatch>>,
  name: string,
  noun: string,
): Written | undefined {
  const want = all[name];
  return want && { field: `${field}${pathStep(name)}`, want, noun };
}

/** As it is, where nothing in it could mislead. */
export const shown = (value: string): string =>
  /^[\p{L}\p{N}\p{P}\p{S} ]+$/u.test(value) && !/^[ "']|"| $/.test(value) ? value : JSON.stringify(value);

/**
 * How strings are matched: Istio's `StringMatch` mapping, and the `*` patterns of AuthorizationPolicy.
 *
 * @module
 */
import type { StringMatch } from "../model/match.ts";
import type { Node } from "./node.ts";
import { anyText, text } from "./read-values.ts";
import { regex } from "./regex.ts";
import { quote } from "./tree.ts";

/** `{exact: …}`, `{prefix: …}` or `{regex: …}`; `{}` only where `present` allows it, meaning any value. */
export function stringMatch(node: Node, present = false): StringMatch {
  const fields = node.fields({ known: ["exact", "prefix", "regex"] });
  const given = (["exact", "prefix", "regex"] as const).filter((name) => fields.has(name));
  const [how, second] = given;
  if (second !== undefined) node.fail(`must have one of exact, prefix, regex, found ${given.join(" and ")}`);
  if (how === undefined) {
    if (!present && node.tree.t === "map" && node.tree.entries.size === 0)
      node.fail("must have one of exact, prefix, regex, found none");
    return { t: "present" };
  }
  const read = how === "regex" ? regex : how === "exact" && present ? anyText : text;
  return { t: how, value: fields.required(how, read, "") };
}

/** A header's match: `{}` asks for the header, whatever its value. */
export const headerMatch = (node: Node): StringMatch => stringMatch(node, true);

/** `abc`, `abc*`, `*abc` or `*`. Source: string matching in Istio's AuthorizationPolicy. */
export function pattern(node: Node): StringMatch {
  const value = text(node);
  if (value === "*") return { t: "present" };
  const suffix = value.startsWith("*");
  const prefix = value.endsWith("*");
  const rest = value.slice(suffix ? 1 : 0, prefix ? -1 : undefined);
  // Istio takes these stars literally, and a DENY rule then silently never matches.
  if ((suffix && prefix) || rest.includes("*")) {
    node.fail(`"*" may stand at the front or at the end of a pattern, not both and not inside, found ${quote(value)}`);
  }
  if (suffix) return { t: "suffix", value: rest };
  return prefix ? { t: "prefix", value: rest } : { t: "exact", value };
}

/** A pattern of a path; templates (`/users/{*}`) are known and not read yet. */
export function pathPattern(node: Node): StringMatch {
  const template =
    node.tree.t === "scalar" && typeof node.tree.value === "string" && /\{\*{1,2}\}/.test(node.tree.value);
  if (!template) return pattern(node);
  node.fail('path templates ("{*}", "{**}") are not supported yet');
  return { t: "present" };
}

/**
 * `rewrite` of an http rule.
 *
 * @module
 */
import type { Rewrite } from "../model/virtual-service.ts";
import { headerValue } from "./names.ts";
import type { Node } from "./node.ts";
import { anyText, isText } from "./read-values.ts";
import { groupsIn, regex } from "./regex.ts";
import { quote } from "./tree.ts";

export function rewrite(node: Node): Rewrite {
  const fields = node.fields({ known: ["uri", "authority", "uriRegexRewrite"] });
  fields.oneOrMoreOf(["uri", "authority", "uriRegexRewrite"]);
  if (fields.has("uri")) fields.at("uriRegexRewrite")?.failAtKey("cannot stand beside uri");
  return {
    uri: fields.optional("uri", written),
    uriRegex: fields.optional("uriRegexRewrite", uriRegex),
    authority: fields.optional("authority", written),
  };
}

function written(node: Node): string {
  const value = headerValue(node);
  if (node.tree.t === "scalar" && node.tree.value === "") node.fail("must not be empty");
  return value;
}

/** Envoy's `RegexMatchAndSubstitute`: a reference to a group that is not there would cost a proxy all of its routes. */
function uriRegex(node: Node): Rewrite["uriRegex"] {
  const fields = node.fields({ known: ["match", "rewrite"] });
  const match = fields.required("match", regex, "");
  const read = fields.required("rewrite", anyText, "");
  const at = fields.at("rewrite");
  if (at !== undefined && isText(at) && match !== "") checkSubstitution(at, read, match);
  return { match, rewrite: read };
}

function checkSubstitution(at: Node, value: string, match: string): void {
  const odd = /[^!-~\u0080-\u{10ffff}]|#/u.exec(value)?.[0];
  if (odd !== undefined) at.fail(`must be of a path's characters, found ${quote(odd)}`);
  const groups = groupsIn(match);
  for (const [reference, escaped = ""] of value.matchAll(/\\(.?)/gs)) {
    if (escaped === "\\") continue;
    if (!/\d/.test(escaped))
      at.fail(`a backslash must be before a group's number or another backslash, found ${quote(reference)}`);
    else if (Number(escaped) > groups) at.fail(`${quote(reference)} is no group of match, which has ${groups}`);
  }
}

/**
 * `rewrite` of an http rule.
 *
 * @module
 */
import type { Rewrite } from "../model/virtual-service.ts";
import { headerValue } from "./names.ts";
import type { Node } from "./node.ts";

export function rewrite(node: Node): Rewrite {
  const fields = node.fields({ known: ["uri", "authority"], unsupported: ["uriRegexRewrite"] });
  if (!(node.tree.t === "map" && node.tree.entries.has("uriRegexRewrite"))) fields.oneOrMoreOf(["uri", "authority"]);
  return { uri: fields.optional("uri", written), authority: fields.optional("authority", written) };
}

function written(node: Node): string {
  const value = headerValue(node);
  if (node.tree.t === "scalar" && node.tree.value === "") node.fail("must not be empty");
  return value;
}

/**
 * `path` of a redirect or of a rewrite.
 *
 * @module
 */
import type { PathModifier } from "../../model/gateway-api/route.ts";
import type { Node } from "../node.ts";
import { anyText, choice } from "../read-values.ts";
import { quote } from "../tree.ts";

const FIELD = { ReplaceFullPath: "replaceFullPath", ReplacePrefixMatch: "replacePrefixMatch" } as const;

export function pathModifier(node: Node): PathModifier {
  const fields = node.fields({ known: ["type", "replaceFullPath", "replacePrefixMatch"] });
  const t = fields.required("type", choice(["ReplaceFullPath", "ReplacePrefixMatch"]), "ReplaceFullPath");
  const other = t === "ReplaceFullPath" ? "replacePrefixMatch" : "replaceFullPath";
  fields.at(other)?.failAtKey(`cannot stand beside the type ${t}`);
  return { t, value: fields.required(FIELD[t], replacement, "") };
}

/** It ends up in a request line, or in a `location`. */
function replacement(node: Node): string {
  const value = anyText(node);
  if (value.length > 1024 || /[^!-~\u0080-\u{10ffff}]|#/u.test(value))
    node.fail(`must be a path without spaces, "#" and control characters, found ${quote(value)}`);
  return value;
}

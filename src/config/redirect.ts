/**
 * `redirect` of an http rule.
 *
 * @module
 */
import type { RedirectAction } from "../model/virtual-service.ts";
import { headerValue } from "./names.ts";
import type { Node } from "./node.ts";
import { choice, port } from "./read-values.ts";

const CODES = [301, 302, 303, 307, 308] as const;

export function redirect(node: Node): RedirectAction {
  const fields = node.fields({
    known: ["uri", "authority", "scheme", "port", "redirectCode"],
    unsupported: ["prefixRewrite", "derivePort"],
  });
  fields.oneOrMoreOf(["uri", "authority", "scheme", "port"]);
  return {
    t: "redirect",
    uri: fields.optional("uri", headerValue),
    authority: fields.optional("authority", headerValue),
    scheme: fields.optional("scheme", choice(["http", "https"])),
    port: fields.optional("port", port),
    code: fields.optional("redirectCode", redirectCode) ?? 301,
  };
}

function redirectCode(node: Node): RedirectAction["code"] {
  const value = node.tree.t === "scalar" ? node.tree.value : undefined;
  const code = CODES.find((c) => c === value);
  if (code === undefined) node.mustBe(`one of ${CODES.join(", ")}`);
  return code ?? 301;
}

/**
 * `redirect` of an http rule.
 *
 * @module
 */
import type { RedirectAction } from "../model/virtual-service.ts";
import { headerValue, pathText } from "./names.ts";
import type { Node } from "./node.ts";
import { choice, port } from "./read-values.ts";

const CHANGES = ["uri", "prefixRewrite", "authority", "scheme", "port", "derivePort"] as const;
const CODES = [301, 302, 303, 307, 308] as const;

export function redirect(node: Node): RedirectAction {
  const fields = node.fields({ known: [...CHANGES, "redirectCode"] });
  fields.oneOrMoreOf(CHANGES);
  if (fields.has("uri")) fields.at("prefixRewrite")?.failAtKey("cannot stand beside uri");
  if (fields.has("port")) fields.at("derivePort")?.failAtKey("cannot stand beside port");
  return {
    t: "redirect",
    uri: fields.optional("uri", headerValue),
    prefixRewrite: fields.optional("prefixRewrite", pathText),
    authority: fields.optional("authority", headerValue),
    scheme: fields.optional("scheme", choice(["http", "https"])),
    port: fields.optional("port", port),
    derivePort: fields.optional("derivePort", choice(["FROM_PROTOCOL_DEFAULT", "FROM_REQUEST_PORT"])),
    code: fields.optional("redirectCode", redirectCode) ?? 301,
  };
}

function redirectCode(node: Node): RedirectAction["code"] {
  const value = node.tree.t === "scalar" ? node.tree.value : undefined;
  const code = CODES.find((c) => c === value);
  if (code === undefined) node.mustBe(`one of ${CODES.join(", ")}`);
  return code ?? 301;
}

/**
 * Kubernetes' label selectors, and the namespaces that they choose.
 *
 * @module
 */
import type { LabelExpression, LabelQuery, NamespaceChoice } from "../../model/gateway-api/reference.ts";
import { labels } from "../names.ts";
import type { Node, Read } from "../node.ts";
import { anyText, choice, text } from "../read-values.ts";

export function labelQuery(node: Node): LabelQuery {
  const fields = node.fields({ known: ["matchLabels", "matchExpressions"] });
  return {
    matchLabels: fields.optional("matchLabels", labels) ?? {},
    matchExpressions: fields.list("matchExpressions", expression),
  };
}

function expression(node: Node): LabelExpression {
  const fields = node.fields({ known: ["key", "operator", "values"] });
  const operator = fields.required("operator", choice(["In", "NotIn", "Exists", "DoesNotExist"]), "Exists");
  const values = fields.list("values", anyText);
  const asks = operator === "In" || operator === "NotIn";
  if (asks !== values.length > 0 && node.tree.t === "map")
    node.fail(asks ? `${operator} must have values` : `${operator} cannot have values`);
  return { key: fields.required("key", text, ""), operator, values };
}

/** `{from: …, selector: …}`; `fallback` where `from` is not there. */
export const namespaceChoice =
  (from: readonly ("All" | "Same" | "Selector" | "None")[], fallback: "Same" | "None"): Read<NamespaceChoice> =>
  (node) => {
    const fields = node.fields({ known: ["from", "selector"] });
    const t = fields.optional("from", choice(from)) ?? fallback;
    const query = fields.optional("selector", labelQuery);
    if (t !== "Selector") return { t };
    if (query === undefined && node.tree.t === "map") node.fail('field "selector" is missing: from is Selector');
    return { t, query: query ?? { matchLabels: {}, matchExpressions: [] } };
  };

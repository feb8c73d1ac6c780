/**
 * DestinationRule to the model. Source: networking.istio.io DestinationRule and Istio's validation of it.
 *
 * @module
 */
import type { DestinationRule, Subset } from "../model/destination-rule.ts";
import { type DocumentBody, specFields } from "./document.ts";
import { defaultVisibility, exportTo } from "./export-to.ts";
import { labels, qualifiedHost, selector, subsetName } from "./names.ts";
import type { Node } from "./node.ts";
import { noTrafficPolicy, trafficPolicy } from "./traffic-policy.ts";
import { quote } from "./tree.ts";

export function readDestinationRule(body: DocumentBody): DestinationRule {
  const spec = specFields(body, ["host", "trafficPolicy", "subsets", "exportTo", "workloadSelector"]);
  const { namespace } = body.metadata;
  const byDefault = body.settings.defaultExportTo.destinationRule;
  const visible = spec.optional("exportTo", exportTo(namespace, byDefault, false));
  const workloadSelector = spec.optional("workloadSelector", selector);
  if (workloadSelector !== undefined && visible !== undefined && visible.toString() !== namespace)
    spec.at("exportTo")?.fail('must be ["."] beside workloadSelector: it selects callers of its own namespace');
  return {
    origin: body.origin,
    host: spec.required("host", qualifiedHost(namespace, body.settings, { wildcard: true, address: false }), ""),
    exportTo: visible ?? defaultVisibility(byDefault, namespace),
    workloadSelector,
    trafficPolicy: spec.optional("trafficPolicy", trafficPolicy) ?? noTrafficPolicy,
    subsets: spec.optional("subsets", subsets) ?? [],
  };
}

function subsets(node: Node): readonly Subset[] {
  const names = new Set<string>();
  return node.items().map((item) => {
    const read = subset(item);
    if (names.has(read.name)) item.fail(`the subset ${quote(read.name)} stands twice`);
    names.add(read.name);
    return read;
  });
}

function subset(node: Node): Subset {
  const fields = node.fields({ known: ["name", "labels", "trafficPolicy"] });
  return {
    name: fields.required("name", subsetName, "nameless"),
    labels: fields.optional("labels", labels) ?? {},
    trafficPolicy: fields.optional("trafficPolicy", trafficPolicy) ?? noTrafficPolicy,
  };
}

/**
 * `zoneAwareLbSetting` of a load balancer, and of the Mesh document. Source: networking.istio.io ZoneAwareLoadBalancerSetting and Istio's validation.
 *
 * @module
 */
import type { LocalityLbSetting, PriorityLabel } from "../model/locality.ts";
import { localityLbSetting, priorityLabel, regions } from "./locality-lb-setting.ts";
import type { Fields, Node } from "./node.ts";
import { flag, integer, MAX_UINT32 } from "./read-values.ts";
import { quote } from "./tree.ts";

/** Regions, zones and subzones have their order already. */
const PLACES = new Set(["topology.kubernetes.io/region", "topology.kubernetes.io/zone", "topology.istio.io/subzone"]);

/** What a load balancer says of localities, in one of the two ways. */
export function localities(fields: Fields<"localityLbSetting" | "zoneAwareLbSetting">): LocalityLbSetting | undefined {
  if (fields.has("localityLbSetting"))
    fields.at("zoneAwareLbSetting")?.failAtKey("cannot stand beside localityLbSetting");
  return meshLocalities(fields);
}

/** The same of a mesh, where both may stand: that of zones holds. */
export function meshLocalities(
  fields: Fields<"localityLbSetting" | "zoneAwareLbSetting">,
): LocalityLbSetting | undefined {
  const weighed = fields.optional("localityLbSetting", localityLbSetting);
  return fields.optional("zoneAwareLbSetting", zoneAwareLbSetting) ?? weighed;
}

function zoneAwareLbSetting(node: Node): LocalityLbSetting {
  const fields = node.fields({ known: ["enabled", "failover", "failoverPriority", "minClusterSize"] });
  return {
    enabled: fields.optional("enabled", flag) ?? true,
    distribute: [],
    failover: fields.list("failover", regions),
    failoverPriority: fields.list("failoverPriority", labelOfNoPlace),
    zoneAware: { minClusterSize: fields.optional("minClusterSize", integer(1, MAX_UINT32)) },
  };
}

function labelOfNoPlace(node: Node): PriorityLabel {
  const found = priorityLabel(node);
  if (PLACES.has(found.label))
    node.fail(
      `${quote(found.label)} has its place without being named: regions and zones go in their order by themselves`,
    );
  return found;
}

/**
 * `loadBalancer` of a traffic policy.
 *
 * @module
 */
import type { Balancer, LoadBalancer, Warmup } from "../model/destination-rule.ts";
import { consistentHash } from "./consistent-hash.ts";
import type { Node } from "./node.ts";
import { choice, duration, number } from "./read-values.ts";
import { localities } from "./zone-aware-lb-setting.ts";

const WARMUP = ["warmup", "warmupDurationSecs"] as const;
const SIMPLE = ["UNSPECIFIED", "LEAST_REQUEST", "ROUND_ROBIN", "RANDOM", "LEAST_CONN", "PASSTHROUGH"] as const;
/** Envoy's and Istio's defaults. */
const MINIMUM_PERCENT = 10;
const LINEAR = 1;
const MAX_AGGRESSION = 1_000;

export function loadBalancer(node: Node): LoadBalancer {
  const fields = node.fields({
    known: ["simple", "consistentHash", "localityLbSetting", "zoneAwareLbSetting", ...WARMUP],
  });
  const hash = fields.optional("consistentHash", consistentHash);
  const simple = fields.optional("simple", simpleBalancer);
  if (hash !== undefined && fields.has("simple")) node.fail("must have one of simple, consistentHash, found both");
  const balancer = hash ?? simple;
  const named = WARMUP.filter((name) => fields.has(name));
  for (const name of named)
    if (typeof balancer === "object" || balancer === "RANDOM" || balancer === "PASSTHROUGH")
      fields.at(name)?.failAtKey("has a meaning for ROUND_ROBIN and LEAST_REQUEST alone");
  fields.at("warmupDurationSecs")?.warn("is deprecated: write warmup: {duration: …}");
  if (named.length > 1) fields.at("warmupDurationSecs")?.failAtKey("cannot stand beside warmup");
  return {
    balancer,
    locality: localities(fields),
    warmup: fields.optional("warmup", warmup) ?? fields.optional("warmupDurationSecs", warmupDuration),
  };
}

function simpleBalancer(node: Node): Balancer | undefined {
  const simple = choice(SIMPLE)(node);
  switch (simple) {
    case "UNSPECIFIED":
      return undefined;
    case "LEAST_CONN":
      node.warn("LEAST_CONN is deprecated [IST0002]: write LEAST_REQUEST, which it means");
      return "LEAST_REQUEST";
    case "PASSTHROUGH":
      node.warn(
        "PASSTHROUGH goes to the address that was dialed, which no proxy is told here: a host outside of the mesh is looked up, endpoints of the mesh are chosen at random",
      );
      return simple;
    default:
      return simple;
  }
}

function warmup(node: Node): Warmup {
  const fields = node.fields({ known: ["duration", "minimumPercent", "aggression"] });
  return {
    durationMs: fields.required("duration", duration, 1),
    minimumPercent: fields.optional("minimumPercent", number(0, 100)) ?? MINIMUM_PERCENT,
    aggression: fields.optional("aggression", number(1, MAX_AGGRESSION)) ?? LINEAR,
  };
}

const warmupDuration = (node: Node): Warmup => ({
  durationMs: duration(node),
  minimumPercent: MINIMUM_PERCENT,
  aggression: LINEAR,
});

/**
 * `trafficPolicy` of a DestinationRule, of a subset and of one port.
 *
 * @module
 */
import type { LoadBalancer, PortPolicy, RetryBudget, TrafficPolicy } from "../model/destination-rule.ts";
import { clientTls } from "./client-tls.ts";
import { consistentHash } from "./consistent-hash.ts";
import { connectionPool } from "./connection-pool.ts";
import type { Fields, Node } from "./node.ts";
import { outlierDetection } from "./outlier-detection.ts";
import { choice, integer, MAX_UINT32, number } from "./read-values.ts";
import { portNumber } from "./route-destinations.ts";

export const noTrafficPolicy: TrafficPolicy = {
  loadBalancer: undefined,
  connectionPool: undefined,
  outlierDetection: undefined,
  tls: undefined,
  retryBudget: undefined,
  portLevel: [],
};

const PARTS = ["loadBalancer", "connectionPool", "outlierDetection", "tls"] as const;
type Parts = Fields<(typeof PARTS)[number]>;

export function trafficPolicy(node: Node): TrafficPolicy {
  const unsupported = ["tunnel", "proxyProtocol"];
  const fields = node.fields({ known: [...PARTS, "retryBudget", "portLevelSettings"], unsupported });
  if (!unsupported.some((name) => node.tree.t === "map" && node.tree.entries.has(name)))
    fields.oneOrMoreOf([...PARTS, "retryBudget", "portLevelSettings"]);
  return {
    ...parts(fields),
    retryBudget: fields.optional("retryBudget", retryBudget),
    portLevel: fields.optional("portLevelSettings", portPolicies) ?? [],
  };
}

/** Source: networking.istio.io TrafficPolicy.RetryBudget; defaults as there. */
function retryBudget(node: Node): RetryBudget {
  const fields = node.fields({ known: ["percent", "minRetryConcurrency"], unsupported: ["budgetInterval"] });
  return {
    percent: fields.optional("percent", number(0, 100)) ?? 20,
    minRetryConcurrency: fields.optional("minRetryConcurrency", integer(0, MAX_UINT32)) ?? 3,
  };
}

function parts(fields: Parts): PortPolicy["policy"] {
  return {
    loadBalancer: fields.optional("loadBalancer", loadBalancer),
    connectionPool: fields.optional("connectionPool", connectionPool),
    outlierDetection: fields.optional("outlierDetection", outlierDetection),
    tls: fields.optional("tls", clientTls),
  };
}

function portPolicies(node: Node): readonly PortPolicy[] {
  const seen = new Set<number>();
  return node.items().map((item) => {
    const fields = item.fields({ known: ["port", ...PARTS] });
    fields.oneOrMoreOf(PARTS);
    const port = fields.required("port", portNumber, 1);
    if (seen.has(port)) item.fail(`the port ${port} has settings twice`);
    seen.add(port);
    return { port, policy: parts(fields) };
  });
}

const SIMPLE = ["UNSPECIFIED", "LEAST_REQUEST", "ROUND_ROBIN", "RANDOM", "LEAST_CONN", "PASSTHROUGH"] as const;

function loadBalancer(node: Node): LoadBalancer | undefined {
  const fields = node.fields({
    known: ["simple", "consistentHash"],
    unsupported: ["localityLbSetting", "zoneAwareLbSetting", "warmup", "warmupDurationSecs"],
  });
  const hash = fields.optional("consistentHash", consistentHash);
  const simple = fields.optional("simple", choice(SIMPLE));
  if (hash !== undefined && fields.has("simple")) node.fail("must have one of simple, consistentHash, found both");
  if (hash !== undefined) return hash;
  switch (simple) {
    case undefined:
    case "UNSPECIFIED":
      return undefined;
    case "LEAST_CONN":
      fields.at("simple")?.warn("LEAST_CONN is deprecated [IST0002]: write LEAST_REQUEST, which it means");
      return "LEAST_REQUEST";
    case "PASSTHROUGH":
      fields.at("simple")?.fail("PASSTHROUGH is not supported yet");
      return undefined;
    default:
      return simple;
  }
}

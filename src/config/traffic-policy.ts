/**
 * `trafficPolicy` of a DestinationRule, of a subset and of one port.
 *
 * @module
 */
import { parseIp } from "../base/ip-address.ts";
import type { PortPolicy, RetryBudget, TrafficPolicy, TunnelTarget } from "../model/destination-rule.ts";
import { clientTls } from "./client-tls.ts";
import { connectionPool } from "./connection-pool.ts";
import { loadBalancer } from "./load-balancer.ts";
import type { Fields, Node } from "./node.ts";
import { outlierDetection } from "./outlier-detection.ts";
import { choice, durationOrZero, integer, MAX_UINT32, number, textThat } from "./read-values.ts";
import { portNumber } from "./route-destinations.ts";

export const noTrafficPolicy: TrafficPolicy = {
  loadBalancer: undefined,
  connectionPool: undefined,
  outlierDetection: undefined,
  tls: undefined,
  retryBudget: undefined,
  proxyProtocol: undefined,
  tunnel: undefined,
  portLevel: [],
};

const PARTS = ["loadBalancer", "connectionPool", "outlierDetection", "tls"] as const;
type Parts = Fields<(typeof PARTS)[number]>;

const WHOLE = [...PARTS, "retryBudget", "proxyProtocol", "tunnel", "portLevelSettings"] as const;

export function trafficPolicy(node: Node): TrafficPolicy {
  const fields = node.fields({ known: WHOLE });
  fields.oneOrMoreOf(WHOLE);
  return {
    ...parts(fields),
    retryBudget: fields.optional("retryBudget", retryBudget),
    proxyProtocol: fields.optional("proxyProtocol", proxyProtocol),
    tunnel: fields.optional("tunnel", tunnel),
    portLevel: fields.optional("portLevelSettings", portPolicies) ?? [],
  };
}

/** `{version: V2}`; V1 where it is not said. */
const proxyProtocol = (node: Node): "V1" | "V2" =>
  node.fields({ known: ["version"] }).optional("version", choice(["V1", "V2"])) ?? "V1";

/** Source: networking.istio.io TrafficPolicy.TunnelSettings. Not here: POST. */
function tunnel(node: Node): TunnelTarget {
  const fields = node.fields({ known: ["protocol", "targetHost", "targetPort"] });
  if (fields.optional("protocol", choice(["CONNECT", "POST"])) === "POST")
    fields.at("protocol")?.fail("a tunnel by POST is not supported yet: CONNECT is");
  const host = fields.required("targetHost", textThat(isHost, "a host name or an IP address"), "");
  return { host, port: fields.required("targetPort", integer(1, 65_535), 1) };
}

const isHost = (text: string): boolean => /^[A-Za-z0-9._-]+$/.test(text) || parseIp(text) !== undefined;

/** Source: networking.istio.io TrafficPolicy.RetryBudget; defaults as there. */
function retryBudget(node: Node): RetryBudget {
  const fields = node.fields({ known: ["percent", "minRetryConcurrency", "budgetInterval"] });
  return {
    percent: fields.optional("percent", number(0, 100)) ?? 20,
    minRetryConcurrency: fields.optional("minRetryConcurrency", integer(0, MAX_UINT32)) ?? 3,
    budgetIntervalMs: fields.optional("budgetInterval", durationOrZero) ?? 0,
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

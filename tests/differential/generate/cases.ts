/**
 * Generates cases from a seed: a VirtualService for the case's host, often a DestinationRule, and requests.
 *
 * @module
 */
import type { Case } from "../comparison.ts";
import type { ConfigDocument } from "../rig/document.ts";
import { asksFor } from "./aim.ts";
import { Chance, compact } from "./chance.ts";
import { ruleOf } from "./rules.ts";
import type { VirtualServiceSpec } from "./spec.ts";

const SUBSETS: readonly (readonly [name: string, labels: object])[] = [
  ["v1", { version: "v1" }],
  ["v2", { version: "v2" }],
  ["v3", { version: "v3" }],
  ["pair", { tier: "pair" }],
  ["nobody", { version: "v9" }],
];

/** Case `number` of a seed is the same whatever else is run. */
export function generatedCase(seed: number, number: number, asks: number): Case {
  const chance = new Chance(seed * 1_000_003 + number);
  const spec = virtualService(chance);
  const documents = [document("VirtualService", "HOST", spec)];
  if (chance.often(0.9)) documents.push(document("DestinationRule", "HOST", destinationRule(chance)));
  return { what: `seed ${seed}, case ${number}`, documents, asks: asksFor(chance, spec, asks) };
}

const document = (kind: string, name: string, spec: unknown, namespace = "default"): ConfigDocument => ({
  apiVersion: "networking.istio.io/v1",
  kind,
  metadata: { name, namespace },
  spec,
});

function virtualService(chance: Chance): VirtualServiceSpec {
  return compact({
    hosts: [chance.one(["HOST", "HOST", "HOST.default.svc.cluster.local"])],
    gateways: chance.often(0.9) ? undefined : chance.one([["mesh"], ["mesh", "none"], ["none"]]),
    exportTo: chance.often(0.9) ? undefined : chance.one([["*"], ["."], ["default"], ["other"]]),
    http: chance.list(1, 5, () => ruleOf(chance)),
  });
}

function destinationRule(chance: Chance): object {
  return compact({
    host: chance.one(["HOST", "HOST.default.svc.cluster.local"]),
    exportTo: chance.often(0.95) ? undefined : chance.one([["*"], ["."], ["other"]]),
    trafficPolicy: chance.maybe(0.35, () => trafficPolicy(chance)),
    subsets: SUBSETS.map(([name, labels]) =>
      compact({ name, labels, trafficPolicy: chance.maybe(0.08, () => trafficPolicy(chance)) }),
    ),
  });
}

function trafficPolicy(chance: Chance): object {
  return compact({
    loadBalancer: chance.maybe(0.6, () => loadBalancer(chance)),
    connectionPool: chance.maybe(0.3, () => ({
      http: compact({
        maxRequestsPerConnection: chance.maybe(0.5, () => chance.one([1, 100])),
        maxRetries: chance.maybe(0.3, () => 1000),
        idleTimeout: chance.maybe(0.3, () => "30s"),
      }),
    })),
    outlierDetection: chance.maybe(0.1, () => ({ consecutive5xxErrors: 1000 })),
  });
}

/** By a header the choice is certain; others are among those that are allowed. */
function loadBalancer(chance: Chance): object {
  if (chance.often(0.5)) return { simple: chance.one(["ROUND_ROBIN", "LEAST_REQUEST", "RANDOM"]) };
  const key = chance.one<object>([
    { httpHeaderName: "x-user" },
    { httpQueryParameterName: "q" },
    { useSourceIp: true },
  ]);
  return {
    consistentHash: {
      ...key,
      ...chance.one([{}, { ringHash: { minimumRingSize: 64 } }, { maglev: { tableSize: 101 } }]),
    },
  };
}

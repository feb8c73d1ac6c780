/**
 * Generates cases from a seed: a VirtualService for the case's host, often a DestinationRule, and requests.
 *
 * @module
 */
import { type Ask, type Case, TARGET } from "../comparison.ts";
import type { ConfigDocument } from "../rig/document.ts";
import { BACKENDS } from "../rig/world.ts";
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
  const what = `seed ${seed}, case ${number}`;
  const spec = virtualService(chance);
  const delegate = spec.http?.some((rule) => rule.delegate !== undefined) === true ? delegated(chance) : undefined;
  const aimed = { ...spec, http: [...(spec.http ?? []), ...(delegate?.http ?? [])] };
  const documents = [
    ruleDocument(chance, "VirtualService", "HOST", spec),
    ...(delegate === undefined ? [] : [document("VirtualService", "HOST-delegate", delegate)]),
    ...(chance.often(0.9) ? [ruleDocument(chance, "DestinationRule", "HOST", destinationRule(chance))] : []),
    ...(chance.often(0.12) ? [document("DestinationRule", "HOST-more", moreSubsets(chance))] : []),
  ];
  const found = asksFor(chance, aimed, asks);
  if (chance.often(0.88)) return { what, documents, asks: found };
  return { what, documents: [serviceEntry(chance), ...documents].map(outside), asks: found.map(toOutside) };
}

/** Sometimes in another namespace than the host that it is for, whose whole name it then says. */
function ruleDocument(chance: Chance, kind: string, name: string, spec: unknown): ConfigDocument {
  if (chance.often(0.93)) return document(kind, name, spec);
  const whole = JSON.stringify(spec)
    .replaceAll('"HOST"', `"${WHOLE}"`)
    .replace(/"(peer|empty|nobody)"/g, `"$1.default.svc.cluster.local"`);
  return document(kind, name, JSON.parse(whole), chance.one(["other", "istio-system"]));
}

const WHOLE = "HOST.default.svc.cluster.local";
/** A host that a ServiceEntry makes known. */
const OUTSIDE = "HOST.example";

/** Of the case's host, the one outside. */
const outside = (it: ConfigDocument): ConfigDocument => {
  const text = JSON.stringify(it.spec)
    .replaceAll(WHOLE, OUTSIDE)
    .replace(/"HOST(\.default)?"/g, `"${OUTSIDE}"`);
  return { ...it, spec: JSON.parse(text) as unknown };
};

const toOutside = (ask: Ask): Ask => ({ ...ask, host: OUTSIDE });

function serviceEntry(chance: Chance): ConfigDocument {
  const labels = Object.fromEntries(BACKENDS.map((it) => [it.name, it.labels]));
  return document("ServiceEntry", "HOST", {
    hosts: [OUTSIDE],
    location: chance.one(["MESH_EXTERNAL", "MESH_INTERNAL"]),
    resolution: "STATIC",
    ...(chance.often(0.85) ? {} : { exportTo: chance.one([["."], ["other"], ["*"]]) }),
    ports: [
      { number: 80, name: "http", protocol: "HTTP", targetPort: TARGET },
      ...(chance.often(0.5) ? [{ number: 8080, name: "http-alt", protocol: "HTTP", targetPort: TARGET }] : []),
    ],
    ...(chance.often(0.4)
      ? { workloadSelector: { labels: { app: "echo" } } }
      : {
          endpoints: ["v1", "v2", "v3"].map((name) => ({
            address: BACKENDS.find((it) => it.name === name)?.address,
            labels: labels[name],
          })),
        }),
  });
}

/** What another rule's delegate holds: it has no hosts of its own. */
const delegated = (chance: Chance): VirtualServiceSpec => ({ http: chance.list(1, 3, () => ruleOf(chance)) });

const moreSubsets = (chance: Chance): object =>
  compact({
    host: chance.one(["HOST", WHOLE]),
    trafficPolicy: chance.maybe(0.3, () => trafficPolicy(chance)),
    subsets: [
      { name: "v1", labels: { version: "v2" } },
      { name: "unknown", labels: { version: "v3" } },
    ],
  });

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

export function destinationRule(chance: Chance): object {
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

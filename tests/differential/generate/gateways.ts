/**
 * Generates cases of the edge: Gateways of the case's hosts, VirtualServices that are bound to them or just not, and requests from
 * outside.
 *
 * @module
 */
import type { Ask, Case } from "../comparison.ts";
import type { ConfigDocument } from "../rig/document.ts";
import { asksFor } from "./aim.ts";
import { destinationRule } from "./cases.ts";
import { Chance, compact } from "./chance.ts";
import { apart, askedHost, GATE_HOSTS } from "./gateway-hosts.ts";
import { ruleOf } from "./rules.ts";
import type { MatchSpec, RuleSpec, VirtualServiceSpec } from "./spec.ts";

/** Stand for the ports of the gateway that speak HTTP. */
const PORTS = [30_080, 30_081] as const;
const WHOLE = "HOST.default.svc.cluster.local";
const NAMESPACES = ["default", "default", "default", "other"] as const;

/** Case `number` of a seed is the same whatever else is run. */
export function gatewayCase(seed: number, number: number, asks: number): Case {
  const chance = new Chance(seed * 1_000_033 + number);
  const gateways = chance.list(1, 2, (i) => gateway(chance, i));
  const rules = chance.list(1, 3, (i) => virtualService(chance, i));
  const specs = rules.map(({ spec }) => spec as VirtualServiceSpec);
  const http = specs.flatMap((spec) => spec.http ?? []);
  const delegate = http.some((rule) => rule.delegate !== undefined)
    ? [document("VirtualService", "HOST-delegate", "default", { http: chance.list(1, 2, () => edgeRule(chance)) })]
    : [];
  const aimed = [...http, ...delegate.flatMap(({ spec }) => (spec as VirtualServiceSpec).http ?? [])];
  const hosts = specs.flatMap((spec) => spec.hosts ?? []);
  return {
    what: `seed ${seed}, gateway case ${number}`,
    documents: [
      ...gateways,
      ...rules,
      ...delegate,
      ...(chance.often(0.9) ? [document("DestinationRule", "HOST", "default", destinationRule(chance))] : []),
    ],
    asks: asksFor(chance, { http: aimed }, asks).map((ask) => fromOutside(chance, ask, hosts)),
  };
}

const document = (kind: string, name: string, namespace: string, spec: unknown): ConfigDocument => ({
  apiVersion: "networking.istio.io/v1",
  kind,
  metadata: { name, namespace },
  spec,
});

const gateway = (chance: Chance, index: number): ConfigDocument =>
  document("Gateway", index === 0 ? "HOST" : "HOST-two", index === 0 ? "default" : chance.one(NAMESPACES), {
    selector: chance.often(0.97) ? { istio: "edge" } : { istio: "nobody" },
    servers: chance.list(1, chance.often(0.3) ? 3 : 1, (i) => server(chance, i)),
  });

function server(chance: Chance, index: number): object {
  const hosts = chance.some(GATE_HOSTS, 1, 3).map((host) => {
    const whose = chance.often(0.8) ? "" : chance.one(["./", "default/", "other/", "*/"]);
    return `${whose}${host}`;
  });
  const number = chance.often(0.75) ? PORTS[0] : PORTS[1];
  return compact({
    port: { number, name: `http-${index}`, protocol: chance.often(0.9) ? "HTTP" : chance.one(["HTTP2", "GRPC"]) },
    hosts: chance.often(0.04) ? ["*"] : hosts,
    tls: chance.often(0.06) && hosts[0] !== "*" ? { httpsRedirect: true } : undefined,
  });
}

const GATEWAYS: readonly (readonly string[])[] = [
  ["default/HOST"],
  ["default/HOST"],
  ["default/HOST"],
  ["default/HOST", "default/HOST-two", "other/HOST-two"],
  ["other/HOST-two", "default/HOST-two"],
  ["default/HOST", "mesh"],
];

function virtualService(chance: Chance, index: number): ConfigDocument {
  const namespace = chance.often(0.85) ? "default" : "other";
  const gateways = chance.often(0.95) ? chance.one(GATEWAYS) : chance.one([["mesh"], ["none"], ["HOST"]]);
  const spec = compact<VirtualServiceSpec>({
    hosts: apart(chance),
    gateways,
    exportTo: chance.often(0.9) ? undefined : chance.one([["*"], ["."], ["default"], ["other"]]),
    http: chance.list(1, 4, () => edgeRule(chance)),
  });
  return document("VirtualService", index === 0 ? "HOST" : `HOST-${index}`, namespace, spec);
}

/** Its destinations by their whole names: it may stand in any namespace. */
function edgeRule(chance: Chance): RuleSpec {
  const text = JSON.stringify(ruleOf(chance, false))
    .replace(/"host":"(HOST|peer|empty|nobody)"/g, `"host":"$1.default.svc.cluster.local"`)
    .replaceAll('"100%"', '"100%%"')
    .replace(/"retries":\{"attempts":0,[^}]*\}/g, '"retries":{"attempts":0}')
    .replaceAll('"timeout":"0s"', '"timeout":"3s"')
    .replaceAll('"redirect":{}', '"redirect":{"uri":"/there"}')
    .replaceAll('"name":"HOST-delegate"', '"name":"HOST-delegate","namespace":"default"')
    .replace(/"port":(80|8080)\b/g, (_, port: string) => `"port":${port === "80" ? PORTS[0] : PORTS[1]}`)
    .replaceAll(`{"prefix":"${WHOLE}"}`, '{"prefix":"a."}')
    .replaceAll('{"prefix":"HOST.default"}', '{"prefix":"HOST.gate"}')
    .replaceAll('{"regex":"HOST.*"}', '{"regex":".*\\\\.HOST.*"}');
  const rule = withPorts(chance, JSON.parse(text)) as RuleSpec;
  return rule.match === undefined ? rule : { ...rule, match: rule.match.map((match) => atGateways(chance, match)) };
}

/** A destination of several ports must say which: none is as that of the gateway. */
function withPorts(chance: Chance, value: unknown): unknown {
  if (Array.isArray(value)) return value.map((item: unknown) => withPorts(chance, item));
  if (typeof value !== "object" || value === null) return value;
  const made = Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, withPorts(chance, inner)]));
  const isDestination = typeof made["host"] === "string" && made["host"].endsWith(".svc.cluster.local");
  if (!isDestination || "port" in made || chance.often(0.04)) return made;
  return { ...made, port: { number: chance.often(0.85) ? 80 : 8080 } };
}

function atGateways(chance: Chance, match: MatchSpec): MatchSpec {
  if (chance.often(0.92)) return match;
  return chance.one([
    { ...match, gateways: ["default/HOST"] },
    { ...match, gateways: ["other/HOST-two", "default/HOST-two"] },
    { ...match, gateways: ["mesh"] },
    { ...match, gateways: ["HOST"] },
    { ...match, sourceNamespace: chance.one(["default", "other"]) },
    { ...match, sourceLabels: chance.one([{ app: "edge" }, { app: "client" }]) },
  ]);
}

function fromOutside(chance: Chance, ask: Ask, hosts: readonly string[]): Ask {
  return { ...ask, door: ask.port === 0 ? "http" : "httpAlt", port: 0, host: askedHost(chance, hosts) };
}

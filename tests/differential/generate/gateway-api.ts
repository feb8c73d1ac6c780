/**
 * Generates cases of the Gateway API's edge: Gateways, HTTPRoutes and GRPCRoutes that are attached to them or just not, grants, and
 * requests from outside. The API server fills nothing in, so what a default would say is written where it counts.
 *
 * @module
 */
import type { Ask, Case } from "../comparison.ts";
import type { ConfigDocument } from "../rig/document.ts";
import { asksFor } from "./aim.ts";
import { Chance, compact } from "./chance.ts";
import { type ApiMatch, type ApiRule, grpcRule, httpRule, matchSpecOf } from "./gateway-api-rules.ts";
import { askedApiHost } from "./gateway-hosts.ts";

const GROUP = "gateway.networking.k8s.io";
const NAMESPACES = ["default", "default", "default", "other"] as const;
const LISTENER_HOSTS = ["HOST.api", "*.HOST.api", "a.HOST.api", "*.a.HOST.api"] as const;
const APART = [
  ["HOST.api"],
  ["*.HOST.api"],
  ["a.HOST.api", "*.a.HOST.api"],
  ["HOST.api", "*.HOST.api"],
  ["*.a.HOST.api"],
];
const ROUTE_HOSTS = [...LISTENER_HOSTS, "b.a.HOST.api", "c.HOST.api", "other.HOST.example"] as const;
/** None has a host in common with another. */
const ROUTE_HOSTS_APART = [
  ["HOST.api", "a.HOST.api", "*.a.HOST.api", "c.HOST.api", "other.HOST.example"],
  ["HOST.api", "*.HOST.api", "other.HOST.example"],
  ["HOST.api", "a.HOST.api", "b.a.HOST.api", "c.HOST.api"],
  [],
] as const;

/** Case `number` of a seed is the same whatever else is run. */
export function gatewayApiCase(seed: number, number: number, asks: number): Case {
  const chance = new Chance(seed * 1_000_037 + number);
  const listeners = listenersOf(chance);
  const names = listeners.map(({ name }) => name);
  const kind = chance.often(0.15) ? "GRPCRoute" : "HTTPRoute";
  const routeHosts = chance.often(0.2) ? ROUTE_HOSTS : chance.one<readonly string[]>(ROUTE_HOSTS_APART);
  const routes = chance.list(1, 3, (i) => route(chance, { kind, hosts: routeHosts }, i, names));
  const rules = routes.flatMap(({ spec }) => (spec as { readonly rules: readonly ApiRule[] }).rules);
  const hosts = routes.flatMap(({ spec }) => (spec as { readonly hostnames?: readonly string[] }).hostnames ?? []);
  const matches = rules.flatMap((rule) => rule.matches ?? []);
  const aimed = { http: [{ match: matches.map(matchSpecOf) }] };
  const grants = chance.often(0.4) ? [grant(chance)] : [];
  return {
    what: `seed ${seed}, Gateway API case ${number}`,
    documents: [
      document("v1", "Gateway", "HOST-api", "default", {
        gatewayClassName: "istio",
        addresses: [{ type: "Hostname", value: "edge.default.svc.cluster.local" }],
        listeners,
      }),
      ...routes,
      ...grants,
    ],
    asks: asksFor(chance, aimed, asks).map((ask) => fromOutside(chance, ask, matches, [...hosts, ...LISTENER_HOSTS])),
  };
}

const document = (version: string, kind: string, name: string, namespace: string, spec: unknown): ConfigDocument => ({
  apiVersion: `${GROUP}/${version}`,
  kind,
  metadata: { name, namespace },
  spec,
});

/** Few of them have hosts in common: which of two listeners serves such a one is another matter in Istio. */
function listenersOf(chance: Chance): { readonly name: string }[] {
  const hosts = chance.often(0.2) ? chance.some(LISTENER_HOSTS, 2, 3) : chance.one(APART);
  return hosts.map((hostname, i) => {
    const alt = chance.often(0.2);
    return compact({
      name: `l${i}`,
      port: alt ? 30_083 : 30_082,
      protocol: "HTTP",
      hostname,
      allowedRoutes: chance.often(0.3) ? { namespaces: { from: "Same" } } : allowed(chance),
    });
  });
}

const allowed = (chance: Chance): object =>
  compact({
    namespaces: chance.one<object>([
      { from: "All" },
      { from: "All" },
      { from: "Selector", selector: { matchLabels: { "kubernetes.io/metadata.name": "other" } } },
    ]),
    kinds: chance.maybe(0.1, () => [{ group: GROUP, kind: chance.one(["HTTPRoute", "GRPCRoute"]) }]),
  });

/** Of a case, of one kind: the specification lets no host have both. */
function route(
  chance: Chance,
  { kind, hosts }: { readonly kind: "HTTPRoute" | "GRPCRoute"; readonly hosts: readonly string[] },
  index: number,
  listeners: readonly string[],
): ConfigDocument {
  const parent = (): object =>
    compact({
      group: GROUP,
      kind: "Gateway",
      name: chance.often(0.97) ? "HOST-api" : "nobody",
      namespace: "default",
      sectionName: chance.maybe(0.3, () => chance.one([...listeners, "none"])),
      port: chance.maybe(0.2, () => chance.one([30_082, 30_083])),
    });
  const parents = new Map(chance.list(1, 2, parent).map((it) => [JSON.stringify(it), it]));
  return document("v1", kind, `HOST-${index}`, chance.one(NAMESPACES), {
    parentRefs: distinct([...parents.values()]),
    ...(hosts.length > 0 && !(hosts === ROUTE_HOSTS && chance.often(0.2))
      ? { hostnames: chance.some(hosts, 1, 3) }
      : {}),
    rules: chance.list(1, 3, (i) => (kind === "GRPCRoute" ? grpcRule(chance) : httpRule(chance, i))),
  });
}

/** One that means a whole Gateway cannot stand beside one that means a part of it. */
const distinct = (parents: readonly object[]): readonly object[] =>
  parents.every((it) => "sectionName" in it) ? parents : parents.slice(0, 1);

const grant = (chance: Chance): ConfigDocument =>
  document("v1beta1", "ReferenceGrant", "HOST", chance.one(["other", "other", "default"]), {
    from: [
      { group: GROUP, kind: chance.one(["HTTPRoute", "HTTPRoute", "GRPCRoute"]), namespace: chance.one(NAMESPACES) },
    ],
    to: [compact({ group: "", kind: "Service", name: chance.maybe(0.3, () => chance.one(["far", "v1"])) })],
  });

function fromOutside(chance: Chance, ask: Ask, matches: readonly ApiMatch[], hosts: readonly string[]): Ask {
  const isGrpc =
    matches.some(({ method }) => typeof method === "object") &&
    ask.headers.every(([name]) => name !== "content-type") &&
    chance.often(0.6);
  const called = isGrpc
    ? { ...ask, method: "POST", headers: [...ask.headers, ["content-type", "application/grpc"] as const] }
    : ask;
  return { ...called, door: ask.port === 0 ? "api" : "apiAlt", port: 0, host: askedApiHost(chance, hosts) };
}

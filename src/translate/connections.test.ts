/**
 * `tcp` and `tls` rules in the mesh: which chains the loopback listener of a service port has, and where they lead.
 */
import { describe, expect, test } from "bun:test";
import { service, stateOf, withLoopbacks, workload } from "../../tests/support/mesh.ts";
import { compileListener } from "../engine/listener/listener.ts";
import { TcpProxy } from "../xds/proto/filter-tcp-proxy.ts";
import type { Listener } from "../xds/proto/listener.ts";
import { unpack } from "../xds/types/any.ts";
import { contains } from "./connections.ts";
import { defaultTranslateOptions } from "./options.ts";
import { translate } from "./translate.ts";

const base = [
  service("db", ["tcp:5432", "tls:443"]),
  service("db-next", ["tcp:5432", "tls:443"]),
  workload("client", "v1", []),
];
const rules = (spec: string, hosts = "[db]", name = "r"): string =>
  `{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: ${name}}, spec: {hosts: ${hosts}, ${spec}}}`;
const to = (host: string, more = ""): string => `{destination: {host: ${host}${more}}}`;
const FULL = ".default.svc.cluster.local";

function listenerAt(port: number, ...documents: readonly string[]): Listener {
  const state = withLoopbacks(stateOf(...base, ...documents));
  const client = state.instances.find((i) => i.workload.name === "client-v1");
  const address = client?.loopbacks.find((l) => l.host === `db${FULL}` && l.port === port)?.address.port;
  const { listeners } = translate(state, { t: "sidecar", instance: "client-v1-0" }, defaultTranslateOptions);
  const listener = listeners.find((l) => l.address?.socketAddress?.portValue === address);
  if (listener === undefined) throw new Error(`no listener for port ${port}`);
  compileListener(listener);
  return listener;
}

const proxiesAt = (port: number, ...documents: readonly string[]): readonly TcpProxy[] =>
  (listenerAt(port, ...documents).filterChains ?? []).flatMap(({ filters = [] }) =>
    filters.flatMap(({ typedConfig }) => (typedConfig === undefined ? [] : unpack(typedConfig, TcpProxy))),
  );

/** `names > cluster, cluster*weight` of each chain. */
function chainsAt(port: number, ...documents: readonly string[]): readonly string[] {
  const listener = listenerAt(port, ...documents);
  const chains = listener.filterChains ?? [];
  expect((listener.listenerFilters ?? []).length > 0).toBe(chains.some((c) => c.filterChainMatch !== undefined));
  return chains.map(({ filterChainMatch, filters }) => {
    const config = filters?.[0]?.typedConfig;
    if (config === undefined) throw new Error("a chain without a filter");
    const { cluster, weightedClusters } = unpack(config, TcpProxy);
    const weighted = weightedClusters?.clusters?.map(({ name, weight }) => `${name}*${weight}`);
    const where = weighted?.join(", ") ?? cluster ?? "";
    return `${filterChainMatch?.serverNames?.join(" ") ?? "any"} > ${where.replaceAll(FULL, "")}`;
  });
}

describe("a way through another proxy", () => {
  const tunnelAt = (...documents: readonly string[]): unknown =>
    proxiesAt(5432, ...documents).map(({ tunnelingConfig }) => tunnelingConfig?.hostname);
  const tunnel = (host: string, target: string): string =>
    `{apiVersion: networking.istio.io/v1, kind: DestinationRule, metadata: {name: ${host}}, spec: {host: ${host}, trafficPolicy: {tunnel: {targetHost: "${target}", targetPort: 5433}}}}`;

  test("is asked of the destination that is alone, by host and port", () => {
    expect(tunnelAt()).toEqual([undefined]);
    expect(tunnelAt(tunnel("db", "db.example.com"))).toEqual(["db.example.com:5433"]);
    expect(tunnelAt(tunnel("db", "2001:db8::1"))).toEqual(["[2001:db8::1]:5433"]);
    const next = rules(`tcp: [{route: [${to("db-next")}]}]`);
    expect(tunnelAt(tunnel("db-next", "b"), next)).toEqual(["b:5433"]);
    expect(tunnelAt(tunnel("db", "b"), next)).toEqual([undefined]);
    const both = rules(
      `tcp: [{route: [${to("db").slice(0, -1)}, weight: 1}, ${to("db-next").slice(0, -1)}, weight: 1}]}]`,
    );
    expect(tunnelAt(tunnel("db", "b"), both)).toEqual([undefined]);
  });
});

describe("tcp", () => {
  test("without rules goes to the service", () => {
    expect(chainsAt(5432)).toEqual(["any > outbound|5432||db"]);
  });

  test("the first rule that fits takes all: ports, callers and gateways are known beforehand", () => {
    const spec = `tcp: [{match: [{port: 1}], route: [${to("none")}]}, {match: [{sourceLabels: {app: other}}], route: [${to("none")}]},
      {match: [{gateways: [edge]}], route: [${to("none")}]}, {match: [{port: 5432, sourceLabels: {app: client}, sourceNamespace: default}], route: [${to("db-next")}]}, {route: [${to("none")}]}]`;
    expect(chainsAt(5432, rules(`gateways: [mesh, edge], ${spec}`))).toEqual(["any > outbound|5432||db-next"]);
  });

  test("weights, subsets and ports", () => {
    const spec = `tcp: [{route: [{destination: {host: db, subset: v1}, weight: 9}, {destination: {host: db-next, port: {number: 443}}, weight: 1}, {destination: {host: none}, weight: 0}]}]`;
    expect(chainsAt(5432, rules(spec))).toEqual(["any > outbound|5432|v1|db*9, outbound|443||db-next*1"]);
  });

  test("rules of a wildcard hold as well; those of other hosts, and of gateways alone, do not", () => {
    const spec = `tcp: [{route: [${to("db-next")}]}]`;
    expect(chainsAt(5432, rules(spec, '["*.default.svc.cluster.local"]'))).toEqual(["any > outbound|5432||db-next"]);
    expect(chainsAt(5432, rules(spec, "[db-next]"))).toEqual(["any > outbound|5432||db"]);
    expect(chainsAt(5432, rules(`gateways: [edge], ${spec}`))).toEqual(["any > outbound|5432||db"]);
  });

  test("subnets are compared with the addresses of the service's documents", () => {
    const entry = `{apiVersion: networking.istio.io/v1, kind: ServiceEntry, metadata: {name: d}, spec: {hosts: [db${FULL}], addresses: [10.1.2.3], resolution: STATIC}}`;
    const at = (subnet: string, ...more: readonly string[]): readonly string[] =>
      chainsAt(5432, rules(`tcp: [{match: [{destinationSubnets: [${subnet}]}], route: [${to("db-next")}]}]`), ...more);
    expect(at("10.1.0.0/16", entry)).toEqual(["any > outbound|5432||db-next"]);
    expect(at("10.2.0.0/16", entry)).toEqual(["any > outbound|5432||db"]);
    expect(at("10.1.0.0/16")).toEqual(["any > outbound|5432||db"]);
  });
});

describe("tls", () => {
  test("each name has a chain; the first rule of a name keeps it; others have nowhere to go", () => {
    const spec = `tls: [{match: [{sniHosts: [a.b.com], port: 1}], route: [${to("none")}]}, {match: [{sniHosts: [a.b.com, c.b.com]}], route: [${to("db-next")}]},
      {match: [{sniHosts: [a.b.com, "*.b.com"]}], route: [${to("db")}]}]`;
    expect(chainsAt(443, rules(spec, '[db, "*.b.com"]'))).toEqual([
      "a.b.com c.b.com > outbound|443||db-next",
      "*.b.com > outbound|443||db",
    ]);
  });

  test("rules of tcp say nothing of TLS, and those of tls nothing of TCP", () => {
    const both = `tcp: [{route: [${to("db-next")}]}], tls: [{match: [{sniHosts: [db${FULL}], port: 1}], route: [${to("none")}]}]`;
    expect(chainsAt(443, rules(both))).toEqual(["any > outbound|443||db"]);
    expect(chainsAt(5432, rules(both))).toEqual(["any > outbound|5432||db-next"]);
  });
});

test.each([
  ["10.0.0.0/8", "10.255.0.1", true],
  ["10.0.0.0/8", "11.0.0.1", false],
  ["10.0.0.0/8", "10.1.0.0/16", true],
  ["10.1.0.0/16", "10.0.0.0/8", false],
  ["10.1.0.0/15", "10.0.255.255", true],
  ["10.0.0.1", "10.0.0.1", true],
  ["0.0.0.0/0", "1.2.3.4", true],
  ["fd00::/8", "fd12::1", true],
  ["fd00::/8", "10.0.0.1", false],
  ["0.0.0.0/0", "::1", false],
])("%s contains %s: %p", (range, inner, is) => expect(contains(range, inner)).toBe(is));

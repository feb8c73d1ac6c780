/**
 * Resources of a captured workload's proxy as lines that can be compared: names, places, matches, and where each chain and host leads.
 *
 * Left out, since both sides mean the same by other words:
 * - the ALPN by which an inbound chain knows the mesh's own TLS: Istio's callers always say it, ours where a port does not say what it speaks;
 * - the second cluster of a port that is found out (`@tcp`, docs/adr/0012), and HTTP/1.0, which is HTTP as well;
 * - ranges of addresses among the hosts of routes, which no request names, and the last dot of names, which Istio gives to some alone.
 *
 * @module
 */
import type { Cluster } from "../../../src/xds/proto/cluster.ts";
import { TcpProxy } from "../../../src/xds/proto/filter-tcp-proxy.ts";
import { HttpConnectionManager } from "../../../src/xds/proto/http-connection-manager.ts";
import type { FilterChain, Listener } from "../../../src/xds/proto/listener.ts";
import type { RouteConfiguration } from "../../../src/xds/proto/route.ts";
import { isAny } from "../../../src/xds/types/any.ts";
import { type Given, read } from "./fetch.ts";

/** By kind and name. */
export type Outline = Readonly<Record<string, readonly string[]>>;

/** What the API server itself has, which no document of ours says. */
const OWN = /kubernetes\.default/;

export function outlineOf({ clusters, listeners, routes }: Given): Outline {
  const entries = [
    ...listeners.map((it) => [`listener ${it.name}`, listenerLines(it)] as const),
    ...clusters
      .filter(({ name = "" }) => !name.endsWith("@tcp"))
      .map((it) => [`cluster ${it.name}`, clusterLines(it)] as const),
    ...routes.map((it) => [`routes ${it.name}`, routeLines(it)] as const),
  ];
  return Object.fromEntries(
    entries.filter(([name, lines]) => !OWN.test(`${name} ${lines.join(" ")}`)).sort(([a], [b]) => (a < b ? -1 : 1)),
  );
}

function listenerLines(listener: Listener): readonly string[] {
  const { address, bindToPort = true, defaultFilterChain, filterChains = [], useOriginalDst = false } = listener;
  const { address: ip, portValue } = address?.socketAddress ?? {};
  const filters = (listener.listenerFilters ?? []).map(({ name = "" }) => name.split(".").at(-1));
  const isInbound = listener.trafficDirection === "INBOUND";
  return [
    `${ip}:${portValue}${bindToPort ? "" : " not bound"}${useOriginalDst ? " hands over" : ""} [${filters.join(" ")}]`,
    ...filterChains.map((chain) => chainLine(chain, isInbound)).sort(),
    ...(defaultFilterChain === undefined ? [] : [`default ${chainLine(defaultFilterChain, isInbound)}`]),
  ];
}

function chainLine(
  { filterChainMatch = {}, filters = [], name = "", transportSocket }: FilterChain,
  isInbound: boolean,
): string {
  const {
    applicationProtocols = [],
    destinationPort,
    prefixRanges = [],
    serverNames = [],
    transportProtocol,
  } = filterChainMatch;
  const ranges = prefixRanges.map(({ addressPrefix, prefixLen }) => `${addressPrefix}/${prefixLen}`);
  const told = isInbound
    ? []
    : [transportProtocol ?? "", ...applicationProtocols.filter((it) => it !== "http/1.0").sort()];
  const match = [destinationPort ?? "", ...ranges, ...serverNames, ...told].filter((it) => it !== "");
  const { typedConfig } = filters.at(-1) ?? {};
  return `${name} (${match.join(" ")})${transportSocket === undefined ? "" : " TLS"} -> ${leadsTo(typedConfig)}`;
}

function leadsTo(config: NonNullable<FilterChain["filters"]>[number]["typedConfig"]): string {
  if (config === undefined) return "nothing";
  if (isAny(config, TcpProxy)) {
    const { cluster, weightedClusters } = read(config, TcpProxy);
    const weighted = (weightedClusters?.clusters ?? []).map(({ name, weight }) => `${name}*${weight}`).join(" ");
    return `tcp ${cluster ?? weighted}`.replaceAll("@tcp", "");
  }
  const { rds, routeConfig } = read(config, HttpConnectionManager);
  const inline = (routeConfig?.virtualHosts ?? []).flatMap(({ routes = [] }) =>
    routes.map(({ route }) => route?.cluster),
  );
  return `http ${rds?.routeConfigName ?? inline.join(" ")}`;
}

function clusterLines({
  cleanupInterval,
  lbPolicy = "ROUND_ROBIN",
  type,
  upstreamBindConfig,
}: Cluster): readonly string[] {
  const isDialed = type === "ORIGINAL_DST";
  return [
    `${type ?? "STATIC"}${isDialed ? ` ${lbPolicy}` : ""}`,
    `from ${upstreamBindConfig?.sourceAddress?.address ?? "any address"}`,
    ...(cleanupInterval === undefined ? [] : [`forgets after ${cleanupInterval} ms`]),
  ];
}

const routeLines = ({ ignorePortInHostMatching, virtualHosts = [] }: RouteConfiguration): readonly string[] => [
  `ports ${ignorePortInHostMatching === true ? "are not looked at" : "count"}`,
  ...virtualHosts
    .map(({ domains = [], name, routes = [] }) => {
      const hosts = domains.filter((it) => !it.includes("/") && !it.endsWith(".")).sort();
      const to = routes.map(({ directResponse, route }) => directResponse?.status ?? route?.cluster);
      return `${name} [${hosts.join(" ")}] -> ${to.join(" ")}`;
    })
    .sort(),
];

/** What differs, a line each; empty where nothing does. */
export function differences(istio: Outline, ours: Outline): readonly string[] {
  return [...new Set([...Object.keys(istio), ...Object.keys(ours)])].sort().flatMap((name) => {
    const [a, b] = [istio[name] ?? ["is not there"], ours[name] ?? ["is not there"]];
    return [
      ...a.filter((line) => !b.includes(line)).map((line) => `${name}: Istio: ${line}`),
      ...b.filter((line) => !a.includes(line)).map((line) => `${name}: Tulle: ${line}`),
    ];
  });
}

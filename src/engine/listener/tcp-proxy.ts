/**
 * The TCP proxy filter, compiled: where its connections go, and for how long.
 *
 * Source: `envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy.proto`, defaults as there;
 * `envoy.filters.network.sni_cluster`. As in Envoy, only balancers that hash look at `hash_policy`.
 *
 * @module
 */
import type { Random } from "../../base/random.ts";
import type { AccessLog } from "../../xds/proto/access-log.ts";
import type { TcpProxy } from "../../xds/proto/filter-tcp-proxy.ts";
import { CompileError, refuseOthers } from "../compile-error.ts";
import { hashOfWire } from "../hash/xx-hash.ts";

export interface CompiledTcpProxy {
  readonly statPrefix: string;
  /** The cluster of a connection. @param sni The server name that it asks for; undefined without TLS. */
  readonly clusterFor: (random: Random, sni: string | undefined) => string;
  /** The server name is the cluster's name, where there is one. */
  readonly followsSni: boolean;
  readonly maxConnectAttempts: number;
  /** Without a byte either way. Infinity: for ever. */
  readonly idleTimeoutMs: number;
  /** Of the client's connection. Infinity: for ever. */
  readonly maxDurationMs: number;
  readonly accessLog: readonly AccessLog[];
  /** Endpoints are proxies, asked by CONNECT for a way to this host and port; undefined: they are called themselves. */
  readonly tunnelTo: string | undefined;
  /** What leads a client's connections to one endpoint, from its IP address; undefined for nothing. */
  readonly hashOf: ((clientAddress: string) => bigint) | undefined;
}

const KNOWN = new Set([
  "statPrefix",
  "cluster",
  "weightedClusters",
  "accessLog",
  "maxConnectAttempts",
  "idleTimeout",
  "hashPolicy",
  "maxDownstreamConnectionDuration",
  "tunnelingConfig",
]);
/** Not here: POST, headers of the request, what the answer's head says. */
const TUNNEL = new Set(["hostname"]);
const WEIGHTED_CLUSTER = new Set(["name", "weight"]);
const HASH_POLICY = new Set(["sourceIp"]);
const DEFAULT_IDLE_TIMEOUT_MS = 3_600_000;

/**
 * @param bySni A `sni_cluster` filter stands before it: the server name is the cluster's name, where there is one.
 * @throws {CompileError}
 */
export function compileTcpProxy(proxy: TcpProxy, path: string, bySni: boolean): CompiledTcpProxy {
  refuseOthers(proxy, path, KNOWN);
  const { maxConnectAttempts = 1, maxDownstreamConnectionDuration: maxDurationMs } = proxy;
  if (!proxy.statPrefix) throw new CompileError(`${path}.stat_prefix`, "must not be empty");
  if (maxConnectAttempts === 0) throw new CompileError(`${path}.max_connect_attempts`, "must be at least 1, found 0");
  if (maxDurationMs !== undefined && maxDurationMs < 1)
    throw new CompileError(
      `${path}.max_downstream_connection_duration`,
      `must be at least 1 ms, found ${maxDurationMs} ms`,
    );
  const configured = clusterPicker(proxy, path);
  return {
    statPrefix: proxy.statPrefix,
    clusterFor: bySni ? (random, sni) => sni || configured(random) : configured,
    followsSni: bySni,
    maxConnectAttempts,
    idleTimeoutMs: (proxy.idleTimeout ?? DEFAULT_IDLE_TIMEOUT_MS) || Number.POSITIVE_INFINITY,
    maxDurationMs: maxDurationMs ?? Number.POSITIVE_INFINITY,
    accessLog: proxy.accessLog ?? [],
    tunnelTo: tunnelTarget(proxy, `${path}.tunneling_config`),
    hashOf: clientHash(proxy, `${path}.hash_policy`),
  };
}

function tunnelTarget({ tunnelingConfig }: TcpProxy, path: string): string | undefined {
  if (tunnelingConfig === undefined) return undefined;
  refuseOthers(tunnelingConfig, path, TUNNEL);
  const { hostname = "" } = tunnelingConfig;
  if (!/^[^\s%:[\]]+:\d{1,5}$|^\[[0-9a-f:.]+\]:\d{1,5}$/i.test(hostname))
    throw new CompileError(`${path}.hostname`, `must be a host and a port, found ${JSON.stringify(hostname)}`);
  return hostname;
}

function clientHash({ hashPolicy = [] }: TcpProxy, path: string): CompiledTcpProxy["hashOf"] {
  if (hashPolicy.length > 1) throw new CompileError(path, `must hold at most 1 item, found ${hashPolicy.length}`);
  const [policy] = hashPolicy;
  if (policy === undefined) return undefined;
  refuseOthers(policy, `${path}[0]`, HASH_POLICY);
  if (policy.sourceIp === undefined) throw new CompileError(`${path}[0]`, "must hold source_ip");
  return hashOfWire;
}

/** One cluster, or each of several as often as its weight says. */
function clusterPicker(proxy: TcpProxy, path: string): (random: Random) => string {
  const { cluster = "" } = proxy;
  const weighted = weightedClusters(proxy, path);
  if (cluster !== "") return () => cluster;
  const last = weighted.at(-1);
  if (last === undefined) throw new CompileError(path, "must name a cluster, found none");
  const total = weighted.reduce((sum, { weight }) => sum + weight, 0);
  return (random) => {
    let left = random() * total;
    for (const { name, weight } of weighted) {
      left -= weight;
      if (left < 0) return name;
    }
    return last.name;
  };
}

function weightedClusters(proxy: TcpProxy, path: string): { readonly name: string; readonly weight: number }[] {
  return (proxy.weightedClusters?.clusters ?? []).map((cluster, i) => {
    const at = `${path}.weighted_clusters.clusters[${i}]`;
    refuseOthers(cluster, at, WEIGHTED_CLUSTER);
    const { name, weight } = cluster;
    if (!name) throw new CompileError(`${at}.name`, "must not be empty");
    if (!weight) throw new CompileError(`${at}.weight`, "must be at least 1, found 0");
    return { name, weight };
  });
}

/**
 * The UDP proxy filter, compiled: where the sessions of its clients go, and for how long.
 *
 * Source: `envoy/extensions/filters/udp/udp_proxy/v3/udp_proxy.proto`, defaults as there. Refused: the client's own address upstream, session
 * filters, tunnels, `proxy_access_log` and lines in between.
 *
 * @module
 */
import type { AccessLog } from "../../xds/proto/access-log.ts";
import { type UdpProxyConfig, UdpRoute } from "../../xds/proto/filter-udp-proxy.ts";
import {
  DestinationIPInput,
  DestinationPortInput,
  SourceIPInput,
  SourcePortInput,
} from "../../xds/proto/xds-matcher.ts";
import { type AnyMessage, isAny } from "../../xds/types/any.ts";
import { CompileError, refuseOthers, unpackAt } from "../compile-error.ts";
import { hashOfText, hashOfWire } from "../hash/xx-hash.ts";
import { compileMatcher } from "../match/matcher.ts";
import type { UdpSocketConfig } from "../../xds/proto/core-address.ts";

/** Between whom a session is. */
export interface SessionFacts {
  readonly sourceAddress: string;
  readonly sourcePort: number;
  readonly destinationAddress: string;
  readonly destinationPort: number;
}

export interface CompiledUdpProxy {
  readonly statPrefix: string;
  /** The cluster of a session; undefined: its datagrams are dropped. */
  readonly clusterFor: (facts: SessionFacts) => string | undefined;
  /** Without a datagram either way. */
  readonly idleTimeoutMs: number;
  /** Of an endpoint; what is larger is dropped. */
  readonly maxDatagramBytes: number;
  /** Each datagram of a client gets an endpoint of its own. */
  readonly perPacket: boolean;
  readonly accessLog: readonly AccessLog[];
  /** What leads sessions to one endpoint, from the client's address; undefined for nothing. */
  readonly hashOf: ((clientAddress: string) => bigint) | undefined;
}

const KNOWN = new Set([
  "statPrefix",
  "cluster",
  "matcher",
  "idleTimeout",
  "hashPolicies",
  "upstreamSocketConfig",
  "usePerPacketLoadBalancing",
  "accessLog",
]);
const HASH_POLICY = new Set(["sourceIp", "key"]);
const SOCKET = new Set(["maxRxDatagramSize", "preferGro"]);
const DEFAULT_IDLE_TIMEOUT_MS = 60_000;
/** Envoy's: a packet of Ethernet. */
const DEFAULT_DATAGRAM_BYTES = 1500;
const MAX_DATAGRAM_BYTES = 65_535;

/**
 * @param isAnyAddress The listener's address stands for all of the machine's: which of them a client meant is not known.
 * @throws {CompileError}
 */
export function compileUdpProxy(proxy: UdpProxyConfig, path: string, isAnyAddress: boolean): CompiledUdpProxy {
  refuseOthers(proxy, path, KNOWN);
  const { cluster = "", idleTimeout = DEFAULT_IDLE_TIMEOUT_MS, matcher, statPrefix } = proxy;
  if (!statPrefix) throw new CompileError(`${path}.stat_prefix`, "must not be empty");
  if (idleTimeout < 1) throw new CompileError(`${path}.idle_timeout`, `must be at least 1 ms, found ${idleTimeout} ms`);
  if (cluster === "" && matcher === undefined) throw new CompileError(path, "must hold matcher or cluster, found none");
  return {
    statPrefix,
    clusterFor:
      matcher === undefined
        ? () => cluster
        : compileMatcher(matcher, `${path}.matcher`, {
            input: (any, at) => compileInput(any, at, isAnyAddress),
            action: clusterOf,
          }),
    idleTimeoutMs: idleTimeout,
    maxDatagramBytes: datagramLimit(proxy.upstreamSocketConfig, `${path}.upstream_socket_config`),
    perPacket: proxy.usePerPacketLoadBalancing === true,
    accessLog: proxy.accessLog ?? [],
    hashOf: hashPolicy(proxy, `${path}.hash_policies`),
  };
}

/** `prefer_gro` is the kernel's way to read more at once; nothing else comes of it. */
export function datagramLimit(config: UdpSocketConfig | undefined, path: string): number {
  if (config === undefined) return DEFAULT_DATAGRAM_BYTES;
  refuseOthers(config, path, SOCKET);
  const { maxRxDatagramSize = DEFAULT_DATAGRAM_BYTES } = config;
  if (maxRxDatagramSize < 1 || maxRxDatagramSize > MAX_DATAGRAM_BYTES)
    throw new CompileError(
      `${path}.max_rx_datagram_size`,
      `must be between 1 and ${MAX_DATAGRAM_BYTES}, found ${maxRxDatagramSize}`,
    );
  return maxRxDatagramSize;
}

function compileInput(any: AnyMessage, path: string, isAnyAddress: boolean): (facts: SessionFacts) => string {
  if (isAny(any, SourceIPInput)) return ({ sourceAddress }) => sourceAddress;
  if (isAny(any, SourcePortInput)) return ({ sourcePort }) => String(sourcePort);
  if (isAny(any, DestinationPortInput)) return ({ destinationPort }) => String(destinationPort);
  if (!isAny(any, DestinationIPInput)) throw new CompileError(path, `${any.typeUrl} is not supported here`);
  if (isAnyAddress)
    throw new CompileError(path, "the address that was called is not known of a listener of all addresses");
  return ({ destinationAddress }) => destinationAddress;
}

function clusterOf(any: AnyMessage | undefined, path: string): string {
  const { cluster = "" } = unpackAt(any, UdpRoute, path);
  if (cluster === "") throw new CompileError(`${path}.cluster`, "must not be empty");
  return cluster;
}

function hashPolicy({ hashPolicies = [] }: UdpProxyConfig, path: string): CompiledUdpProxy["hashOf"] {
  if (hashPolicies.length > 1) throw new CompileError(path, `must hold at most 1 item, found ${hashPolicies.length}`);
  const [policy] = hashPolicies;
  if (policy === undefined) return undefined;
  refuseOthers(policy, `${path}[0]`, HASH_POLICY);
  const { key, sourceIp } = policy;
  if (sourceIp === true) return hashOfWire;
  if (!key) throw new CompileError(`${path}[0]`, "must hold source_ip: true or a key");
  const hash = hashOfText(key);
  return () => hash;
}

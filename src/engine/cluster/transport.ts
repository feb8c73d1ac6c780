/**
 * Which TLS a cluster uses to which endpoint, and whether it tells it of its client by a PROXY protocol header.
 *
 * Source: `transport_socket` and `transport_socket_matches` of `envoy/config/cluster/v3/cluster.proto`: the first match
 * whose labels an endpoint's `envoy.transport_socket_match` metadata carry, else the cluster's own socket.
 *
 * @module
 */
import type { Cluster } from "../../xds/proto/cluster.ts";
import type { TransportSocket } from "../../xds/proto/core-base.ts";
import { ProxyProtocolUpstreamTransport } from "../../xds/proto/upstream-proxy-protocol.ts";
import { isAny } from "../../xds/types/any.ts";
import type { JsonValue } from "../../xds/types/struct.ts";
import { CompileError, refuseOthers, unpackAt } from "../compile-error.ts";
import { compileUpstreamTls, type UpstreamTls } from "../tls.ts";
import type { Endpoint } from "./endpoint.ts";

export interface ClusterTransport {
  /** Every TLS context of the cluster. */
  readonly all: readonly UpstreamTls[];
  /** The TLS for an endpoint; undefined for plain text. */
  readonly tlsOf: (endpoint: Endpoint) => UpstreamTls | undefined;
  /** The version of the PROXY protocol by which an endpoint is told of each client; undefined for none. */
  readonly proxyProtocolOf: (endpoint: Endpoint) => 1 | 2 | undefined;
  /** Any endpoint is told so. */
  readonly usesProxyProtocol: boolean;
}

interface Transport {
  readonly tls: UpstreamTls | undefined;
  readonly proxyProtocol: 1 | 2 | undefined;
}

/** @throws CompileError for what is wrong or not supported. */
export function compileTransport(cluster: Cluster): ClusterTransport {
  const own = transportOf(cluster.transportSocket, "transport_socket");
  const matches = (cluster.transportSocketMatches ?? []).map(({ match, transportSocket }, i) => ({
    wanted: Object.entries(match ?? {}),
    transport: transportOf(transportSocket, `transport_socket_matches[${i}].transport_socket`),
  }));
  const transports = [own, ...matches.map(({ transport }) => transport)];
  const of = (endpoint: Endpoint): Transport => {
    const labels = endpoint.metadata?.filterMetadata?.["envoy.transport_socket_match"] ?? {};
    const found = matches.find(({ wanted }) => wanted.every(([key, value]) => isEqual(labels[key], value)));
    return found?.transport ?? own;
  };
  return {
    all: transports.map(({ tls }) => tls).filter((tls) => tls !== undefined),
    usesProxyProtocol: transports.some(({ proxyProtocol }) => proxyProtocol !== undefined),
    tlsOf: matches.length === 0 ? () => own.tls : (endpoint) => of(endpoint).tls,
    proxyProtocolOf: (endpoint) => of(endpoint).proxyProtocol,
  };
}

/** A PROXY header goes before what it wraps. */
function transportOf(socket: TransportSocket | undefined, path: string): Transport {
  const { typedConfig } = socket ?? {};
  if (typedConfig === undefined || !isAny(typedConfig, ProxyProtocolUpstreamTransport))
    return { tls: compileUpstreamTls(socket, path), proxyProtocol: undefined };
  const at = `${path}.typed_config`;
  const { config = {}, transportSocket } = unpackAt(typedConfig, ProxyProtocolUpstreamTransport, at);
  refuseOthers(config, `${at}.config`, new Set(["version"]));
  if (transportSocket === undefined)
    throw new CompileError(`${at}.transport_socket`, "must hold the transport socket behind the header, found none");
  return {
    tls: compileUpstreamTls(transportSocket, `${at}.transport_socket`),
    proxyProtocol: config.version === "V2" ? 2 : 1,
  };
}

/** Objects are compared by their members, in any order. */
function isEqual(a: JsonValue | undefined, b: JsonValue): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  const [left, right] = [Object.entries(a), new Map(Object.entries(b))];
  return (
    Array.isArray(a) === Array.isArray(b) &&
    left.length === right.size &&
    left.every(([key, value]) => {
      const other = right.get(key);
      return other !== undefined && isEqual(value, other);
    })
  );
}

/**
 * Which TLS a cluster uses to which endpoint.
 *
 * Source: `transport_socket` and `transport_socket_matches` of `envoy/config/cluster/v3/cluster.proto`: the first match
 * whose labels an endpoint's `envoy.transport_socket_match` metadata carry, else the cluster's own socket.
 *
 * @module
 */
import type { Cluster } from "../../xds/proto/cluster.ts";
import type { JsonValue } from "../../xds/types/struct.ts";
import { compileUpstreamTls, type UpstreamTls } from "../tls.ts";
import type { Endpoint } from "./endpoint.ts";

export interface ClusterTransport {
  /** Every TLS context of the cluster. */
  readonly all: readonly UpstreamTls[];
  /** The TLS for an endpoint; undefined for plain text. */
  readonly tlsOf: (endpoint: Endpoint) => UpstreamTls | undefined;
}

/** @throws CompileError for what is wrong or not supported. */
export function compileTransport(cluster: Cluster): ClusterTransport {
  const own = compileUpstreamTls(cluster.transportSocket, "transport_socket");
  const matches = (cluster.transportSocketMatches ?? []).map(({ match, transportSocket }, i) => ({
    wanted: Object.entries(match ?? {}),
    tls: compileUpstreamTls(transportSocket, `transport_socket_matches[${i}].transport_socket`),
  }));
  const all = [own, ...matches.map(({ tls }) => tls)].filter((tls) => tls !== undefined);
  if (matches.length === 0) return { all, tlsOf: () => own };
  const tlsOf = (endpoint: Endpoint): UpstreamTls | undefined => {
    const labels = endpoint.metadata?.filterMetadata?.["envoy.transport_socket_match"] ?? {};
    const found = matches.find(({ wanted }) => wanted.every(([key, value]) => isEqual(labels[key], value)));
    return found === undefined ? own : found.tls;
  };
  return { all, tlsOf };
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

/**
 * The filter chains of an inbound listener, by its mTLS mode and by what the port speaks.
 *
 * STRICT has chains that ask for a certificate: plain text fails the handshake before a byte reaches the application.
 * PERMISSIVE has some for TLS and some for plain text. DISABLE has plain text alone, or the TLS that the workload's Sidecar ends.
 *
 * On ports that may be opaque PERMISSIVE has one more: TLS that is not the mesh's (by ALPN, as in Istio) is the application's own. A port
 * of unknown protocol has chains for HTTP and for opaque bytes, which ALPN and the first bytes tell apart.
 *
 * @module
 */
import { unreachable } from "../base/unreachable.ts";
import type { Mesh } from "../model/mesh.ts";
import type { GatewayTls } from "../model/gateway.ts";
import type { MtlsMode } from "../model/security.ts";
import type { TransportSocket } from "../xds/proto/core-base.ts";
import type { FilterChain, FilterChainMatch, NetworkFilter } from "../xds/proto/listener.ts";
import { DownstreamTlsContext } from "../xds/proto/tls.ts";
import { pack } from "../xds/types/any.ts";
import { MESH_HTTP, MESH_TCP, PLAIN_HTTP } from "./detection.ts";
import { serverSocket } from "./gateway/tls.ts";
import type { InboundPort } from "./inbound.ts";
import { anyOfTrustDomain, meshTls } from "./secrets.ts";

/** What serves HTTP, and what serves opaque bytes; at least one of them. */
export interface InboundFilters {
  readonly http: readonly NetworkFilter[] | undefined;
  readonly tcp: readonly NetworkFilter[] | undefined;
}

const ALPN_HTTP: readonly string[] = ["h2", "http/1.1"];

export function inboundChains(
  mesh: Mesh,
  inbound: InboundPort,
  mode: MtlsMode,
  { http, tcp }: InboundFilters,
): readonly FilterChain[] {
  const name = `0.0.0.0_${inbound.port.targetPort}`;
  const both = http !== undefined && tcp !== undefined;
  const chains: FilterChain[] = [];
  const add = (served: Served, secured: boolean, match?: FilterChainMatch): void =>
    void chains.push({
      name: served.opaque && both ? `${name}_tcp` : name,
      filters: served.filters,
      ...(match === undefined ? {} : { filterChainMatch: match }),
      ...(secured ? { transportSocket: mutualTls(mesh, inbound, served.opaque ? MESH_TCP : ALPN_HTTP) } : {}),
    });
  const ways: readonly Served[] = [
    ...(http === undefined ? [] : [{ filters: http, opaque: false }]),
    ...(tcp === undefined ? [] : [{ filters: tcp, opaque: true }]),
  ];
  for (const served of ways) {
    // Of a port that may be both, opaque bytes are what is not HTTP.
    const meshHttp = both && !served.opaque ? [...MESH_HTTP, ...ALPN_HTTP] : undefined;
    const plainHttp = both && !served.opaque ? PLAIN_HTTP : undefined;
    switch (mode) {
      case "STRICT":
        add(served, true, meshHttp && { applicationProtocols: meshHttp });
        break;
      case "DISABLE":
        if (inbound.ends !== undefined) return [ownTls(mesh, inbound, inbound.ends, served)];
        add(served, false, plainHttp && { applicationProtocols: plainHttp });
        break;
      case "PERMISSIVE":
        add(served, true, { transportProtocol: "tls", applicationProtocols: permissiveAlpn(served, both) });
        if (served.opaque) add(served, false, { transportProtocol: "tls" });
        add(served, false, { transportProtocol: "raw_buffer", applicationProtocols: plainHttp });
        break;
      default:
        unreachable(mode);
    }
  }
  return chains;
}

/** What a Sidecar ends: nothing but TLS comes in. */
function ownTls(mesh: Mesh, { port, scope }: InboundPort, tls: GatewayTls, { filters, opaque }: Served): FilterChain {
  return {
    name: `0.0.0.0_${port.targetPort}`,
    filters,
    filterChainMatch: { transportProtocol: "tls" },
    transportSocket: serverSocket(tls, scope, mesh.settings.trustDomain, opaque ? [] : ALPN_HTTP),
  };
}

interface Served {
  readonly filters: readonly NetworkFilter[];
  readonly opaque: boolean;
}

/** What tells the mesh's TLS from an application's own; undefined where there can be no other. */
function permissiveAlpn({ opaque }: Served, both: boolean): readonly string[] | undefined {
  if (opaque) return MESH_TCP;
  return both ? MESH_HTTP : undefined;
}

function mutualTls(mesh: Mesh, { scope }: InboundPort, alpn: readonly string[]): TransportSocket {
  const context: DownstreamTlsContext = {
    commonTlsContext: meshTls(scope, [anyOfTrustDomain(mesh.settings.trustDomain)], alpn),
    requireClientCertificate: true,
  };
  return { name: "envoy.transport_sockets.tls", typedConfig: pack(DownstreamTlsContext, context) };
}

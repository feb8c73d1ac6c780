/**
 * The inbound listener of one instance's port, by its mTLS mode.
 *
 * STRICT has one filter chain, which asks for a certificate: plain text fails the handshake before a byte reaches the
 * application. PERMISSIVE has one for TLS and one for plain text. DISABLE has plain text alone.
 *
 * On opaque ports PERMISSIVE has a third chain: TLS that is not the mesh's (by ALPN `istio`, as in Istio) is the application's own.
 *
 * @module
 */
import { unreachable } from "../base/unreachable.ts";
import type { Mesh } from "../model/mesh.ts";
import type { TransportSocket } from "../xds/proto/core-base.ts";
import type { FilterChain, Listener, ListenerFilter, NetworkFilter } from "../xds/proto/listener.ts";
import { TlsInspector } from "../xds/proto/listener-filters.ts";
import { DownstreamTlsContext } from "../xds/proto/tls.ts";
import { pack } from "../xds/types/any.ts";
import { asksForSni, authorization } from "./authorization.ts";
import { socketAddress } from "./endpoints.ts";
import type { InboundPort } from "./inbound.ts";
import { httpFilters, tcpFilters } from "./inbound-filters.ts";
import { isHttp, isHttp2 } from "./mesh-index.ts";
import type { TranslateOptions } from "./options.ts";
import { type EffectiveMtls, effectiveMtls } from "./peer-authentication.ts";
import { anyOfTrustDomain, meshTls } from "./secrets.ts";
import type { Source } from "./source.ts";
import { listenerMetadata } from "./workload-metadata.ts";

export interface InboundListener {
  readonly listener: Listener;
  readonly mtls: EffectiveMtls;
  readonly policySources: Readonly<Record<string, Source>>;
}

export function inboundListener(mesh: Mesh, inbound: InboundPort, options: TranslateOptions): InboundListener {
  const { instance, port, protocol } = inbound;
  const { workload } = instance;
  const mtls = effectiveMtls(mesh, workload, port.targetPort);
  const http = isHttp(protocol);
  const at = { targetPort: port.targetPort, listenPort: port.inbound.port };
  const rbac = authorization({ mesh, workload, http, at });
  const filters = http ? httpFilters(inbound, rbac.filters, options) : tcpFilters(inbound, rbac.filters, options);
  const inspects = mtls.mode === "PERMISSIVE" || (mtls.mode === "STRICT" && asksForSni(mesh, workload));
  const listener: Listener = {
    name: `inbound_${port.inbound.address}_${port.inbound.port}`,
    address: socketAddress(port.inbound),
    listenerFilters: inspects ? [tlsInspector] : undefined,
    // A server that speaks first would wait for its client for ever.
    continueOnListenerFiltersTimeout: inspects && !http ? true : undefined,
    filterChains: filterChains(mesh, inbound, mtls, filters),
    trafficDirection: "INBOUND",
    metadata: listenerMetadata(instance, options.clusterId, inbound.services[0]),
  };
  return { listener, mtls, policySources: rbac.sources };
}

function filterChains(
  mesh: Mesh,
  inbound: InboundPort,
  { mode }: EffectiveMtls,
  filters: readonly NetworkFilter[],
): readonly FilterChain[] {
  const name = `0.0.0.0_${inbound.port.targetPort}`;
  const plain: FilterChain = { name, filters };
  const secured: FilterChain = { name, filters, transportSocket: mutualTls(mesh, inbound) };
  switch (mode) {
    case "STRICT":
      return [secured];
    case "DISABLE":
      return [plain];
    case "PERMISSIVE":
      return isHttp(inbound.protocol)
        ? [matching(secured, "tls"), matching(plain, "raw_buffer")]
        : [matching(secured, "tls", ["istio"]), matching(plain, "tls"), matching(plain, "raw_buffer")];
    default:
      return unreachable(mode);
  }
}

const matching = (
  chain: FilterChain,
  transportProtocol: "tls" | "raw_buffer",
  applicationProtocols?: readonly string[],
): FilterChain => ({ ...chain, filterChainMatch: { transportProtocol, applicationProtocols } });

function mutualTls(mesh: Mesh, { scope, protocol }: InboundPort): TransportSocket {
  const alpn = !isHttp(protocol) ? ["istio"] : isHttp2(protocol) ? ["h2", "http/1.1"] : ["http/1.1"];
  const context: DownstreamTlsContext = {
    commonTlsContext: meshTls(scope, [anyOfTrustDomain(mesh.settings.trustDomain)], alpn),
    requireClientCertificate: true,
  };
  return { name: "envoy.transport_sockets.tls", typedConfig: pack(DownstreamTlsContext, context) };
}

const tlsInspector: ListenerFilter = {
  name: "envoy.filters.listener.tls_inspector",
  typedConfig: pack(TlsInspector, {}),
};

/**
 * The inbound listener of one instance's port.
 *
 * @module
 */
import type { Mesh } from "../model/mesh.ts";
import type { Listener, ListenerFilter } from "../xds/proto/listener.ts";
import { asksForSni, authorization } from "./authorization.ts";
import { detection, httpInspector, tlsInspector } from "./detection.ts";
import { socketAddress } from "./endpoints.ts";
import type { InboundPort } from "./inbound.ts";
import { type InboundFilters, inboundChains } from "./inbound-chains.ts";
import { httpFilters, tcpFilters } from "./inbound-filters.ts";
import { isHttp, mayBeHttp, mayBeTcp } from "./mesh-index.ts";
import type { TranslateOptions } from "./options.ts";
import { httpRateLimits, tcpRateLimits } from "./rate-limit.ts";
import type { ListenerPort } from "./rbac-permissions.ts";
import { type EffectiveMtls, effectiveMtls } from "../model/peer-authentication.ts";
import type { Source } from "./source.ts";
import { listenerMetadata } from "./workload-metadata.ts";

export interface InboundListener {
  readonly listener: Listener;
  readonly mtls: EffectiveMtls;
  readonly policySources: Readonly<Record<string, Source>>;
}

/** What an inbound port is made of, wherever it is listened on. */
export interface InboundParts {
  readonly mtls: EffectiveMtls;
  readonly filters: InboundFilters;
  readonly policySources: Readonly<Record<string, Source>>;
}

/** @param at The listener that policies with ports are made for; see {@link ListenerPort}. */
export function inboundParts(
  mesh: Mesh,
  inbound: InboundPort,
  at: ListenerPort | undefined,
  options: TranslateOptions,
): InboundParts {
  const { instance, port, protocol } = inbound;
  const { workload } = instance;
  const mtls = effectiveMtls(mesh, workload, port.targetPort);
  const rbacFor = (http: boolean) => authorization({ mesh, workload, http, at });
  const filters: InboundFilters = {
    http: mayBeHttp(protocol)
      ? httpFilters(inbound, rbacFor(true).filters, httpRateLimits(mesh, workload), options)
      : undefined,
    tcp: mayBeTcp(protocol)
      ? tcpFilters(inbound, rbacFor(false).filters, tcpRateLimits(mesh, workload), options)
      : undefined,
  };
  return { mtls, filters, policySources: rbacFor(isHttp(protocol)).sources };
}

export function inboundListener(mesh: Mesh, inbound: InboundPort, options: TranslateOptions): InboundListener {
  const { instance, port } = inbound;
  const at = { targetPort: port.targetPort, listenPort: port.inbound.port };
  const { filters, mtls, policySources } = inboundParts(mesh, inbound, at, options);
  const listener: Listener = {
    name: `inbound_${port.inbound.address}_${port.inbound.port}`,
    address: socketAddress(port.inbound),
    ...looking(mesh, inbound, mtls),
    filterChains: inboundChains(mesh, inbound, mtls.mode, filters),
    trafficDirection: "INBOUND",
    metadata: listenerMetadata(instance, options.clusterId, inbound.services[0]),
  };
  return { listener, mtls, policySources };
}

/** What must be looked at before a chain can be chosen, or a policy be asked. */
function looking(
  mesh: Mesh,
  inbound: InboundPort,
  mtls: EffectiveMtls,
): Pick<Listener, "listenerFilters" | "listenerFiltersTimeout" | "continueOnListenerFiltersTimeout"> {
  if (inbound.ends !== undefined) return { listenerFilters: [tlsInspector] };
  const looked = looksFor(mesh, inbound, mtls);
  const inspectors: ListenerFilter[] = [];
  if (looked.tls) inspectors.push(tlsInspector);
  if (looked.http) inspectors.push(httpInspector);
  // A client of HTTP speaks first, so nothing is given to one that is silent.
  if (isHttp(inbound.protocol)) return { listenerFilters: inspectors.length === 0 ? undefined : inspectors };
  return detection(mesh, inspectors);
}

/** What the first bytes of a connection to a port have to tell. */
export function looksFor(
  mesh: Mesh,
  { ends, instance, protocol }: InboundPort,
  { mode }: EffectiveMtls,
): { readonly tls: boolean; readonly http: boolean } {
  if (ends !== undefined) return { tls: true, http: false };
  const asksForTls = protocol === "auto" || asksForSni(mesh, instance.workload);
  return {
    tls: mode === "PERMISSIVE" || (mode === "STRICT" && asksForTls),
    http: protocol === "auto" && mode !== "STRICT",
  };
}

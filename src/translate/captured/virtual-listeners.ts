/**
 * The two listeners that captured connections arrive at: `virtualOutbound` for the workload's own calls, `virtualInbound` for calls to it.
 *
 * Source: istiod: names, ports, the order of chains. What is dialed to a proxy's own port goes nowhere, so that nothing goes around for ever. A port that
 * nobody listed is passed on to the application, under the workload's mutual TLS and policies as any other.
 *
 * Differs: what a chain takes for the mesh's own TLS is as in `../inbound-chains.ts`; the time for detection ends.
 *
 * @module
 */
import type { Mesh } from "../../model/mesh.ts";
import type { Instance } from "../../model/service.ts";
import { OriginalDst } from "../../xds/proto/listener-filters.ts";
import type {
  FilterChain,
  Listener,
  ListenerFilter,
  ListenerFilterChainMatchPredicate,
} from "../../xds/proto/listener.ts";
import { pack } from "../../xds/types/any.ts";
import { detection, httpInspector, tlsInspector } from "../detection.ts";
import { socketAddress } from "../endpoints.ts";
import { inboundChains } from "../inbound-chains.ts";
import { type InboundParts, inboundParts, looksFor } from "../inbound-listener.ts";
import type { InboundPort } from "../inbound.ts";
import type { TranslateOptions } from "../options.ts";
import { effectiveMtls } from "../../model/peer-authentication.ts";
import { inboundRetryPolicy } from "../retry-policy.ts";
import type { Scope } from "../scope.ts";
import { listenerMetadata } from "../workload-metadata.ts";
import { BLACK_HOLE_CLUSTER, INBOUND_PASSTHROUGH_CLUSTER } from "./clusters.ts";
import { ANYWHERE, othersFilter, tcpFilter } from "./outbound-listeners.ts";

/** Where captures lead to. Istio's. */
export const OUTBOUND_PORT = 15_001;
export const INBOUND_PORT = 15_006;

const originalDst: ListenerFilter = {
  name: "envoy.filters.listener.original_dst",
  typedConfig: pack(OriginalDst, {}),
};

const blackHole = (name: string, destinationPort: number, options: TranslateOptions): FilterChain => ({
  name: `${name}-blackhole`,
  filterChainMatch: { destinationPort },
  filters: [tcpFilter(BLACK_HOLE_CLUSTER, options)],
});

/** @param mesh As the workload sees it. */
export const virtualOutbound = (mesh: Mesh, instance: Instance, options: TranslateOptions): Listener => ({
  name: "virtualOutbound",
  address: socketAddress({ address: ANYWHERE, port: OUTBOUND_PORT }),
  useOriginalDst: true,
  filterChains: [
    blackHole("virtualOutbound", OUTBOUND_PORT, options),
    { name: "virtualOutbound-catchall-tcp", filters: [othersFilter(mesh, options)] },
  ],
  trafficDirection: "OUTBOUND",
  metadata: listenerMetadata(instance, options.clusterId, undefined),
});

/** A port with chains of its own: one that the workload serves, or one that a PeerAuthentication names. */
interface Served extends InboundParts {
  readonly inbound: InboundPort;
}

export interface VirtualInbound {
  readonly listener: Listener;
  /** By the names of their chains. */
  readonly served: readonly (readonly [name: string, InboundParts])[];
}

export function virtualInbound(
  mesh: Mesh,
  instance: Instance,
  scope: Scope,
  ports: readonly InboundPort[],
  options: TranslateOptions,
): VirtualInbound {
  const others = anyPort(mesh, instance, scope, 0);
  const rest = { inbound: others, ...inboundParts(mesh, others, undefined, options) };
  const served = ports.map((inbound): Served => {
    const { port } = inbound;
    const at = { targetPort: port.targetPort, listenPort: port.targetPort };
    return { inbound, ...inboundParts(mesh, inbound, at, options) };
  });
  const named = portsWithModes(mesh, instance)
    .filter((number) => !ports.some(({ port }) => port.targetPort === number))
    .map(
      (number): Served => ({
        ...rest,
        inbound: anyPort(mesh, instance, scope, number),
        mtls: modeOf(mesh, instance, number),
      }),
    )
    .filter(({ mtls }) => mtls.mode !== rest.mtls.mode);
  const listener: Listener = {
    name: "virtualInbound",
    address: socketAddress({ address: ANYWHERE, port: INBOUND_PORT }),
    ...detection(mesh, filters(mesh, rest, [...served, ...named])),
    filterChains: [
      blackHole("virtualInbound", INBOUND_PORT, options),
      ...[rest, ...named].flatMap((it) => chains(mesh, it).map(passedOn)),
      ...served.flatMap((it) => chains(mesh, it).map((chain) => told(chain, it.inbound, options))),
    ],
    trafficDirection: "INBOUND",
    metadata: listenerMetadata(instance, options.clusterId, undefined),
  };
  const all = served.map((it) => [nameOf(it.inbound), it] as const);
  return { listener, served: [["virtualInbound", rest], ...all] };
}

/** What nobody says anything of, at a port or at any. */
function anyPort(mesh: Mesh, instance: Instance, scope: Scope, number: number): InboundPort {
  const place = { address: ANYWHERE, port: number };
  return {
    instance,
    scope,
    port: { targetPort: number, inbound: place, application: place },
    protocol: "auto",
    services: [],
    clusterName: INBOUND_PASSTHROUGH_CLUSTER,
    application: place,
    connectionPool: undefined,
    ends: undefined,
    retryPolicy: inboundRetryPolicy(mesh.settings),
  };
}

const modeOf = (mesh: Mesh, { workload }: Instance, port: number) => effectiveMtls(mesh, workload, port);

/** Ports that any PeerAuthentication of the workload's namespace names. */
const portsWithModes = (mesh: Mesh, { workload }: Instance): readonly number[] => [
  ...new Set(
    mesh.peerAuthentications
      .filter(({ origin }) => origin.namespace === workload.namespace)
      .flatMap(({ portModes }) => [...portModes.keys()]),
  ),
];

function chains(mesh: Mesh, { filters: served, inbound, mtls }: Served): readonly FilterChain[] {
  const { targetPort } = inbound.port;
  return inboundChains(mesh, inbound, mtls.mode, served).map((chain) =>
    targetPort === 0
      ? chain
      : { ...chain, filterChainMatch: { destinationPort: targetPort, ...chain.filterChainMatch } },
  );
}

const passedOn = (chain: FilterChain): FilterChain => ({
  ...chain,
  name: chain.name?.endsWith("_tcp") === true ? "virtualInbound" : "virtualInbound-catchall-http",
});

const nameOf = ({ port, scope }: InboundPort): string => {
  // A Sidecar's ingress listens on the workload's own address. As Istio names it.
  const address = (scope.sidecar?.ingress.length ?? 0) > 0 ? port.inbound.address : ANYWHERE;
  return `${address}_${port.targetPort}`;
};

/** One listener stands before several services: each chain says which one is meant. */
const told = (chain: FilterChain, inbound: InboundPort, options: TranslateOptions): FilterChain => ({
  ...chain,
  name: nameOf(inbound),
  metadata: listenerMetadata(inbound.instance, options.clusterId, inbound.services[0]),
});

function filters(mesh: Mesh, rest: Served, ports: readonly Served[]): readonly ListenerFilter[] {
  const without = (what: "tls" | "http"): ListenerFilter["filterDisabled"] => {
    const deaf = ports.filter(({ inbound, mtls }) => !looksFor(mesh, inbound, mtls)[what]);
    return anyOf([...deaf.map(({ inbound }) => inbound.port.targetPort), INBOUND_PORT]);
  };
  const looksAtRest = looksFor(mesh, rest.inbound, rest.mtls);
  const asksForTls = looksAtRest.tls || ports.some(({ inbound, mtls }) => looksFor(mesh, inbound, mtls).tls);
  const asksForHttp = looksAtRest.http || ports.some(({ inbound, mtls }) => looksFor(mesh, inbound, mtls).http);
  return [
    originalDst,
    ...(asksForTls ? [{ ...tlsInspector, filterDisabled: without("tls") }] : []),
    ...(asksForHttp ? [{ ...httpInspector, filterDisabled: without("http") }] : []),
  ];
}

function anyOf(ports: readonly number[]): ListenerFilterChainMatchPredicate {
  const rules = ports.map((start) => ({ destinationPortRange: { start, end: start + 1 } }));
  const [only] = rules;
  return rules.length === 1 && only !== undefined ? only : { orMatch: { rules } };
}

/**
 * A listener that finds out what its clients speak, with an endpoint that may be called before they do.
 *
 * @module
 */
import { HeldNetwork } from "./held-network.ts";
import { chain, cluster, listener, manager, route, routes } from "./proxy-resources.ts";
import { type Backend, memoryNetwork, type Peer, ProxyRig, type RigOptions } from "./proxy-rig.ts";
import { httpInspector } from "./tcp-scene.ts";
import { accessLog } from "./tunnelled.ts";
import type { ManualClock } from "../../src/base/manual-clock.ts";
import { DIAL_AHEAD_AFTER_MS } from "../../src/engine/listener/dial-ahead.ts";
import { Cluster } from "../../src/xds/proto/cluster.ts";
import { NetworkRbac } from "../../src/xds/proto/filter-network-rbac.ts";
import { TcpProxy } from "../../src/xds/proto/filter-tcp-proxy.ts";
import { type FilterChain, Listener, type NetworkFilter } from "../../src/xds/proto/listener.ts";
import { pack } from "../../src/xds/types/any.ts";

export const TIMEOUT_MS = 5000;
const LOG = accessLog(
  "%UPSTREAM_REQUEST_ATTEMPT_COUNT% %RESPONSE_FLAGS% in=%BYTES_RECEIVED% out=%BYTES_SENT% %DURATION%",
);

export const tcpTo = (name: string, over: TcpProxy = {}): NetworkFilter => ({
  name: "tcp",
  typedConfig: pack(TcpProxy, { statPrefix: "bytes", cluster: name, accessLog: LOG, ...over }),
});

export const http: FilterChain = {
  ...chain(manager({ routeConfig: routes([route("app")]), logFormat: "http\n" })),
  filterChainMatch: { applicationProtocols: ["http/1.1"] },
};

/** Whoever comes from 10.9.9.9, or from this machine itself. */
export const denies = (addressPrefix: string): NetworkFilter => ({
  name: "rbac",
  typedConfig: pack(NetworkRbac, {
    statPrefix: "rbac.",
    rules: {
      action: "DENY",
      policies: {
        them: { permissions: [{ any: true }], principals: [{ remoteIp: { addressPrefix, prefixLen: 32 } }] },
      },
    },
  }),
});

export const detecting = (over: Partial<Listener> = {}): Partial<Listener> => ({
  listenerFilters: [httpInspector],
  listenerFiltersTimeout: TIMEOUT_MS,
  continueOnListenerFiltersTimeout: true,
  ...over,
});

export interface Scene {
  readonly rig: ProxyRig;
  readonly net: HeldNetwork;
  readonly backend: Backend;
}

export interface SceneOptions {
  readonly chains?: readonly FilterChain[];
  readonly listener?: Partial<Listener>;
  readonly cluster?: Partial<Cluster>;
}

/** A listener for HTTP and for bytes, both to the same endpoint. */
export async function scene(options: SceneOptions = {}, rigOptions: RigOptions = {}): Promise<Scene> {
  let net: HeldNetwork | undefined;
  const network = (clock: ManualClock) => memoryNetwork(clock, (net = new HeldNetwork(clock)));
  const rig = new ProxyRig({ ...rigOptions, network });
  const backend = await rig.backend();
  await rig.apply(Cluster, cluster("app", [backend.port], options.cluster));
  const chains = options.chains ?? [http, chain(tcpTo("app"))];
  await rig.apply(Listener, listener(chains, detecting(options.listener)));
  if (net === undefined) throw new Error("no network");
  return { rig, net, backend };
}

export async function silentClient({ rig }: Scene): Promise<Peer> {
  const client = await rig.client();
  await rig.advance(DIAL_AHEAD_AFTER_MS);
  return client;
}

export const cxTotal = ({ rig }: Scene): number => rig.stat("tcp.bytes.downstream_cx_total");

/**
 * Makes the configurations of a listener's chains: everything is compiled here, before anything of it is used.
 *
 * @module
 */
import type { Log } from "../base/log.ts";
import type { Random } from "../base/random.ts";
import { CompileError } from "../engine/compile-error.ts";
import type { CompiledChain, CompiledListener } from "../engine/listener/listener.ts";
import { compileHttp, type CompiledHttp } from "../engine/http.ts";
import { compileNetworkRbac } from "../engine/rbac/network-rbac.ts";
import type { Observer } from "../engine/observer.ts";
import type { PeerView } from "../engine/request.ts";
import type { Network } from "../net/socket.ts";
import type { IstioMetrics } from "../telemetry/istio-metrics.ts";
import type { PeerLabels } from "../telemetry/istio-labels.ts";
import type { TcpProxy } from "../xds/proto/filter-tcp-proxy.ts";
import type { HttpConnectionManager } from "../xds/proto/http-connection-manager.ts";
import { accessLogsOf } from "./access-logs.ts";
import type { OpenSink } from "./access-sinks.ts";
import { HttpChain, type HttpServices } from "./http-chain.ts";
import type { HttpContext } from "./http-context.ts";
import type { ChainFactory } from "./listener-manager.ts";
import type { ChainConfig, HttpTerminal } from "./live-chain.ts";
import { formatPeer, parsePeer } from "./peer-header.ts";
import { RoutePolicies } from "./route-policies.ts";
import { TcpChain } from "./tcp-chain.ts";
import type { TlsContexts } from "./tls-contexts.ts";
import { TrafficRecorder, type TrafficSide } from "./traffic-recorder.ts";

export interface ChainServices {
  readonly http: HttpServices;
  readonly network: Network;
  readonly tls: TlsContexts;
  readonly metrics: IstioMetrics;
  readonly openSink: OpenSink;
  readonly log: Log;
  /** The workload that the process stands in front of, where it is one. */
  readonly self: PeerLabels;
}

type Routes = Parameters<ChainFactory>[1];

export function chainFactory(services: ChainServices): ChainFactory {
  return (listener, routes) => {
    const side = sideOf(listener, services.self);
    const chains = listener.defaultChain === undefined ? listener.chains : [...listener.chains, listener.defaultChain];
    return new Map(chains.map((chain, i) => [chain, configOf(services, chain, i, side, routes)]));
  };
}

function configOf(
  services: ChainServices,
  chain: CompiledChain,
  index: number,
  side: TrafficSide,
  routes: Routes,
): ChainConfig {
  const { tls, terminal } = chain;
  checkTls(services.tls, chain);
  return {
    key: `${tls === undefined ? "plain" : "tls"} ${chain.name || index}`,
    terminal:
      terminal.t === "http"
        ? httpTerminal(services, chain, terminal.hcm, side, routes)
        : { t: "tcp", chain: tcpChain(services, terminal.proxy, side) },
    serverTls: () => (tls === undefined ? undefined : services.tls.serverTls(tls)),
    admits: admission(chain),
    hasSecrets: () => tls === undefined || services.tls.serverTls(tls) !== undefined,
  };
}

/** Certificates in the resource itself, or in files that it names, are read now or never. */
function checkTls(contexts: TlsContexts, { tls, path }: CompiledChain): void {
  if (tls === undefined) return;
  try {
    contexts.serverTls(tls);
  } catch (cause) {
    throw new CompileError(`${path}.transport_socket`, cause instanceof Error ? cause.message : String(cause));
  }
}

function admission(chain: CompiledChain): (peer: PeerView) => boolean {
  const rules = chain.networkRbac.map((rbac, i) =>
    compileNetworkRbac(rbac, `${chain.path}.filters[${i}].typed_config`),
  );
  return (peer) => rules.every((rule) => rule(peer).allowed);
}

function httpTerminal(
  services: ChainServices,
  chain: CompiledChain,
  hcm: HttpConnectionManager,
  side: TrafficSide,
  routes: Routes,
): HttpTerminal {
  const path = `${chain.path}.filters[${chain.networkRbac.length}].typed_config`;
  const { http } = services;
  let shadow: Observer["rbac"] = () => {};
  const observer: Observer = { rbac: (...seen) => shadow(...seen) };
  const compiled = compileHttp(hcm, routes, { path, observer });
  const accessLogs = accessLogsOf(hcm.accessLog ?? [], `${path}.access_log`, services.openSink, http);
  const recorder = new TrafficRecorder(services.metrics, side, (cluster, endpoint) =>
    services.tls.spiffeIdOf(cluster.tlsOf(endpoint)),
  );
  const retries = new RoutePolicies();
  const peerHeader =
    side.direction === "outbound" && side.self.workload !== undefined ? formatPeer(side.self) : undefined;
  const localSpiffeId = (): string | undefined => services.tls.spiffeIdOf(chain.tls);
  const contextOf = (form: CompiledHttp): HttpContext => {
    retries.checkAll(form);
    const made = new HttpChain(http, { http: form, accessLogs, recorder, peerHeader, retries, localSpiffeId });
    shadow = (_, isShadow, allowed) => made.onRbac(isShadow, allowed);
    return made;
  };
  const name = compiled.settings.routeConfigName;
  const lacksRoutes = name !== undefined && routes(name) === undefined;
  return { t: "http", compiled, context: lacksRoutes ? undefined : contextOf(compiled), contextOf };
}

function tcpChain(services: ChainServices, proxy: TcpProxy, side: TrafficSide): TcpChain {
  const { network, metrics, http } = services;
  return new TcpChain({
    network,
    metrics,
    side,
    random: http.random,
    clusters: http.clusters,
    pickCluster: clusterPicker(proxy),
    maxConnectAttempts: proxy.maxConnectAttempts ?? 1,
  });
}

function clusterPicker(proxy: TcpProxy): (random: Random) => string {
  const weighted = proxy.weightedClusters?.clusters ?? [];
  if (weighted.length === 0) return () => proxy.cluster ?? "";
  const total = weighted.reduce((sum, { weight }) => sum + (weight ?? 0), 0);
  return (random) => {
    let left = random() * total;
    for (const { name, weight } of weighted) {
      left -= weight ?? 0;
      if (left < 0) return name ?? "";
    }
    return weighted.at(-1)?.name ?? "";
  };
}

/** The direction as the listener says, and the workload: its own metadata where a process stands before several. */
function sideOf(listener: CompiledListener, self: PeerLabels): TrafficSide {
  const own = listener.metadata?.filterMetadata?.["tulle"];
  const workload = own?.["workload"];
  const host = own?.["service"];
  const [name, namespace] = typeof host === "string" ? host.split(".") : [];
  return {
    direction: listener.trafficDirection === "INBOUND" ? "inbound" : "outbound",
    self: typeof workload === "string" ? parsePeer(workload) : self,
    service: typeof host === "string" ? { host, name, namespace } : undefined,
  };
}

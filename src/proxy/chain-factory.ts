/**
 * Makes the configurations of a listener's chains: everything is compiled here, before anything of it is used.
 *
 * @module
 */
import type { Log } from "../base/log.ts";
import { CompileError } from "../engine/compile-error.ts";
import type { CompiledCluster } from "../engine/cluster/cluster.ts";
import type { Endpoint } from "../engine/cluster/endpoint.ts";
import { connectionLimit } from "../engine/rate-limit/connection-limit.ts";
import type { AdmissionFilter, ChainTerminal, CompiledChain, CompiledListener } from "../engine/listener/listener.ts";
import { compileHttp, type CompiledHttp } from "../engine/http.ts";
import { compileNetworkRbac } from "../engine/rbac/network-rbac.ts";
import type { Observer } from "../engine/observer.ts";
import type { PeerView } from "../engine/request.ts";
import {
  networkRateLimitStats,
  networkRbacStats,
  type RateLimitStats,
  rateLimitStats,
  tcpStats,
} from "../telemetry/envoy-stats.ts";
import type { IstioMetrics } from "../telemetry/istio-metrics.ts";
import type { PeerLabels } from "../telemetry/istio-labels.ts";
import type { Registry } from "../telemetry/registry.ts";
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
import { TcpMetrics } from "./tcp-metrics.ts";
import type { TlsContexts } from "./tls-contexts.ts";
import { TrafficRecorder, type TrafficSide } from "./traffic-recorder.ts";

export interface ChainServices {
  readonly http: HttpServices;
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
    const chains = listener.defaultChain === undefined ? listener.chains : [...listener.chains, listener.defaultChain];
    const own = sideOf(listener, listener.metadata, services.self);
    const keys = keysOf(chains);
    return new Map(
      chains.map((chain, i) => {
        const side = chain.metadata === undefined ? own : sideOf(listener, chain.metadata, services.self);
        return [chain, configOf(services, listener, chain, keys[i] ?? "", side, routes)];
      }),
    );
  };
}

/** Whether it ends TLS, its name or number, and which of that name it is: several may have one name. */
function keysOf(chains: readonly CompiledChain[]): readonly string[] {
  const seen = new Map<string, number>();
  return chains.map(({ name, tls }, i) => {
    const key = `${tls === undefined ? "plain" : "tls"} ${name || i}`;
    const count = seen.get(key) ?? 0;
    seen.set(key, count + 1);
    return count === 0 ? key : `${key} ${count}`;
  });
}

function configOf(
  services: ChainServices,
  listener: CompiledListener,
  chain: CompiledChain,
  key: string,
  side: TrafficSide,
  routes: Routes,
): ChainConfig {
  const { tls, terminal } = chain;
  checkTls(services.tls, chain);
  return {
    key,
    terminal:
      terminal.t === "http"
        ? httpTerminal(services, listener, chain, terminal.hcm, side, routes)
        : { t: "tcp", chain: tcpChain(services, chain, terminal, side) },
    serverTls: (client) => (tls === undefined ? undefined : services.tls.serverTls(tls, client)),
    refusal: admission(chain, services.http),
    wouldRefuse: foresight(chain),
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

/** @param services Shared counts: each chain has buckets of its own. */
function admission(
  { admission: filters }: CompiledChain,
  { clock, registry, share }: HttpServices,
): (peer: PeerView) => string | undefined {
  const steps = filters.map((filter) =>
    filter.t === "rbac"
      ? rbacStep(filter, registry)
      : connectionLimit(
          filter.config,
          filter.path,
          () => clock.nowMs(),
          share,
          networkRateLimitStats(registry, filter.config.statPrefix ?? "").rateLimited,
        ),
  );
  return (peer) => {
    for (const step of steps) {
      const refusal = step(peer);
      if (refusal !== undefined) return refusal;
    }
    return undefined;
  };
}

function rbacStep(
  { config, path }: Extract<AdmissionFilter, { t: "rbac" }>,
  registry: Registry,
): (peer: PeerView) => string | undefined {
  const stats = networkRbacStats(registry, config.statPrefix ?? "");
  const enforced = [stats.denied, stats.allowed] as const;
  const shadow = [stats.shadowDenied, stats.shadowAllowed] as const;
  const rule = compileNetworkRbac(config, path, {
    rbac: (_, isShadow, allowed) => (isShadow ? shadow : enforced)[allowed ? 1 : 0].add(1),
  });
  return (peer) => {
    const { allowed, details } = rule(peer);
    return allowed ? undefined : details;
  };
}

/** As {@link admission}, but nothing of it is counted. Compiled when the first client is silent: few chains ever ask. */
function foresight({ admission: filters }: CompiledChain): (peer: PeerView) => boolean {
  let rules: readonly ReturnType<typeof compileNetworkRbac>[] | undefined;
  return (peer) => {
    rules ??= filters.flatMap((filter) =>
      filter.t === "rbac" ? [compileNetworkRbac(filter.config, filter.path)] : [],
    );
    return rules.some((rule) => !rule(peer).allowed);
  };
}

function httpTerminal(
  services: ChainServices,
  { bufferLimitBytes }: CompiledListener,
  chain: CompiledChain,
  hcm: HttpConnectionManager,
  side: TrafficSide,
  routes: Routes,
): HttpTerminal {
  const { path } = chain.terminal;
  const { http } = services;
  let shadow: Observer["rbac"] = () => {};
  let cors: NonNullable<Observer["cors"]> = () => {};
  const observer: Observer = {
    rbac: (...seen) => shadow(...seen),
    cors: (isAllowed) => cors(isAllowed),
    rateLimit: rateLimitCounter(http.registry),
  };
  const { clock, share } = http;
  const times = { nowMs: () => clock.nowMs(), wallMs: () => clock.wallMs() };
  const compiled = compileHttp(hcm, routes, { path, observer, ...times, share });
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
    const made = new HttpChain(http, {
      http: form,
      accessLogs,
      recorder,
      peerHeader,
      retries,
      bufferLimitBytes,
      localSpiffeId,
    });
    shadow = (_, isShadow, allowed) => made.onRbac(isShadow, allowed);
    cors = (isAllowed) => made.onCors(isAllowed);
    return made;
  };
  const name = compiled.settings.routeConfigName;
  const lacksRoutes = name !== undefined && routes(name) === undefined;
  return { t: "http", compiled, context: lacksRoutes ? undefined : contextOf(compiled), contextOf };
}

/** Counters come with the first request that a limit looks at. */
function rateLimitCounter(registry: Registry): NonNullable<Observer["rateLimit"]> {
  const byPrefix = new Map<string, RateLimitStats>();
  return (prefix, outcome) => {
    let stats = byPrefix.get(prefix);
    if (stats === undefined) byPrefix.set(prefix, (stats = rateLimitStats(registry, prefix)));
    stats.enabled.add(1);
    if (outcome === "ok") return stats.ok.add(1);
    stats.rateLimited.add(1);
    if (outcome === "enforced") stats.enforced.add(1);
  };
}

function tcpChain(
  { http, metrics, openSink, tls }: ChainServices,
  chain: CompiledChain,
  { path, proxy }: ChainTerminal & { readonly t: "tcp" },
  side: TrafficSide,
): TcpChain {
  const localSpiffeId = (): string | undefined => tls.spiffeIdOf(chain.tls);
  const shownTo = (cluster: CompiledCluster, endpoint: Endpoint): string | undefined =>
    tls.spiffeIdOf(cluster.tlsOf(endpoint));
  return new TcpChain({
    proxy,
    clusters: http.clusters,
    random: http.random,
    clock: http.clock,
    round: http.round,
    stats: tcpStats(http.registry, proxy.statPrefix).stats,
    metrics: new TcpMetrics(metrics, side, shownTo, localSpiffeId),
    accessLogs: accessLogsOf(proxy.accessLog, `${path}.access_log`, openSink, http),
    localSpiffeId,
  });
}

/** The direction as the listener says, and the workload: as its metadata, or a chain's, tells, where a process stands before several. */
function sideOf(listener: CompiledListener, metadata: CompiledListener["metadata"], self: PeerLabels): TrafficSide {
  const own = metadata?.filterMetadata?.["tulle"];
  const workload = own?.["workload"];
  const host = own?.["service"];
  const [name, namespace] = typeof host === "string" ? host.split(".") : [];
  return {
    direction: listener.trafficDirection === "INBOUND" ? "inbound" : "outbound",
    self: typeof workload === "string" ? parsePeer(workload) : self,
    service: typeof host === "string" ? { host, name, namespace } : undefined,
  };
}

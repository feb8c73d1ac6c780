/**
 * Active health checks of one cluster: a session for each endpoint, their statistics and their events.
 *
 * @module
 */
import type { Clock } from "../../base/clock.ts";
import type { Log } from "../../base/log.ts";
import type { Random } from "../../base/random.ts";
import type { Endpoint } from "../../engine/cluster/endpoint.ts";
import type { EndpointSet } from "../../engine/cluster/endpoints.ts";
import type { CheckReport, CheckResult } from "../../engine/health/check-state.ts";
import type { CheckSettings } from "../../engine/health/health-check.ts";
import type { ClientTls, Network } from "../../net/socket.ts";
import type { HealthCheckStats } from "../../telemetry/envoy-stats.ts";
import type { HostAddress } from "../host-dialer.ts";
import { eventJson } from "./check-events.ts";
import { CheckSession, type SessionOwner } from "./check-session.ts";
import { Http1Probe } from "./http1-probe.ts";
import { grpcProbe, http2Probe } from "./http2-probe.ts";
import type { Probe, ProbeWay } from "./probe.ts";
import { TcpProbe } from "./tcp-probe.ts";

/** What checks need of the proxy. */
export interface CheckServices {
  readonly network: Network;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Appends a line to a file. */
  readonly appendLine: (path: string, line: string) => void;
}

/** The cluster, as its checks see it. */
export interface CheckedCluster {
  readonly name: string;
  readonly settings: CheckSettings;
  readonly endpoints: EndpointSet;
  readonly stats: HealthCheckStats;
  addressOf(endpoint: Endpoint): HostAddress;
  /** Who may be used has changed. */
  onHealth(): void;
  /** A check passed. */
  onPass(endpoint: Endpoint): void;
}

export class HealthChecker implements SessionOwner {
  readonly clock: Clock;
  readonly random: Random;
  hasTraffic = false;
  readonly #services: CheckServices;
  readonly #cluster: CheckedCluster;
  readonly #sessions = new Map<Endpoint, CheckSession>();
  readonly #tls = new WeakMap<ClientTls, ClientTls>();
  /** Keys of endpoints that another checker has left its results of. */
  readonly #known = new Set<string>();
  #isClosed = false;

  constructor(services: CheckServices, cluster: CheckedCluster) {
    this.#services = services;
    this.#cluster = cluster;
    this.clock = services.clock;
    this.random = services.random;
  }

  /** Takes over what `last` found out, of the cluster that this one takes the place of. Before {@link sync}. */
  inherit(last: HealthChecker): void {
    this.hasTraffic = last.hasTraffic;
    for (const { endpoint } of last.#sessions.values()) {
      const own = this.#cluster.endpoints.get(endpoint.key);
      if (own === undefined || own.check?.isOff === true || endpoint.awaitsCheck) continue;
      own.failedCheck = endpoint.failedCheck;
      own.degradedCheck = endpoint.degradedCheck;
      own.checkTimedOut = endpoint.checkTimedOut;
      own.excluded = endpoint.excluded;
      own.awaitsCheck = false;
      this.#known.add(endpoint.key);
    }
    this.#cluster.endpoints.refresh();
  }

  /** Follows the endpoints of now. */
  sync(): void {
    const { endpoints } = this.#cluster;
    for (const [endpoint, session] of this.#sessions)
      if (endpoints.get(endpoint.key) !== endpoint || endpoint.check?.isOff === true) {
        session.close();
        this.#sessions.delete(endpoint);
      }
    for (const endpoint of endpoints.all)
      if (!this.#sessions.has(endpoint) && endpoint.check?.isOff !== true) this.#begin(endpoint);
    this.#countHealthy();
  }

  close(): void {
    this.#isClosed = true;
    for (const session of this.#sessions.values()) session.close();
  }

  /** Takes its statistics away. */
  forget(): void {
    this.#cluster.stats.remove();
  }

  #begin(endpoint: Endpoint): void {
    const { settings } = this.#cluster;
    const session = new CheckSession(endpoint, settings, this.#known.delete(endpoint.key), this.#probe(endpoint), this);
    this.#sessions.set(endpoint, session);
    session.start();
  }

  #probe(endpoint: Endpoint): Probe {
    const { settings, name } = this.#cluster;
    const { probe, reusesConnection, timeoutMs } = settings;
    const host = probe.t === "tcp" ? "" : probe.t === "grpc" ? probe.authority : probe.host;
    const way: ProbeWay = {
      network: this.#services.network,
      clock: this.clock,
      address: this.#addressOf(endpoint),
      host: endpoint.check?.hostname || host || name,
      reusesConnection,
      timeoutMs,
    };
    if (probe.t === "tcp") return new TcpProbe(probe, way);
    if (probe.t === "grpc") return grpcProbe(probe, way);
    return probe.protocol === "http2" ? http2Probe(probe, way) : new Http1Probe(probe, way);
  }

  #addressOf(endpoint: Endpoint): HostAddress {
    const own = this.#cluster.addressOf(endpoint);
    const { tls } = own;
    return {
      ...own,
      address: endpoint.check?.address ?? own.address,
      port: endpoint.check?.port ?? own.port,
      tls: tls === undefined || this.#cluster.settings.alpn.length === 0 ? tls : () => this.#offering(tls()),
    };
  }

  /** The cluster's TLS with the protocols that checks offer; the same object for the same settings. */
  #offering(tls: ClientTls): ClientTls {
    let own = this.#tls.get(tls);
    if (own === undefined) this.#tls.set(tls, (own = { ...tls, alpn: this.#cluster.settings.alpn }));
    return own;
  }

  onAttempt(): void {
    this.#cluster.stats.stats.attempt.add(1);
  }

  onResult(endpoint: Endpoint, result: CheckResult, report: CheckReport): void {
    const cluster = this.#cluster;
    const { stats } = cluster.stats;
    (result.t === "passed" ? stats.success : stats.failure).add(1);
    if (result.t === "failed" && result.failure !== "active") stats.networkFailure.add(1);
    for (const event of report.events) this.#tell(endpoint, result, event);
    if (result.t === "passed") cluster.onPass(endpoint);
    if (report.transition === "changed") this.#changed(endpoint);
  }

  #changed(endpoint: Endpoint): void {
    const { endpoints } = this.#cluster;
    if (!endpoint.failedCheck) endpoint.warmSinceMs = this.clock.nowMs();
    if (endpoint.leaves && endpoint.failedCheck) {
      endpoints.drop(endpoint);
      this.sync();
    } else endpoints.refresh();
    this.#countHealthy();
    this.#cluster.onHealth();
  }

  /** An endpoint told traffic to leave it (`x-envoy-immediate-health-check-fail`). */
  takeOutNow(endpoint: Endpoint): void {
    const session = this.#sessions.get(endpoint);
    // The statistics of a cluster that was replaced are those of the one in its place.
    if (session === undefined || this.#isClosed) return;
    this.#cluster.stats.stats.passiveFailure.add(1);
    if (session.state.takeOutNow()) this.#changed(endpoint);
  }

  #countHealthy(): void {
    const { stats } = this.#cluster.stats;
    const checked = [...this.#sessions.keys()];
    stats.healthy.set(checked.filter(({ failedCheck }) => !failedCheck).length);
    stats.degraded.set(checked.filter(({ degradedCheck }) => degradedCheck).length);
  }

  #tell(endpoint: Endpoint, result: CheckResult, event: CheckReport["events"][number]): void {
    const { name, settings } = this.#cluster;
    const why = result.t === "failed" ? result.why : undefined;
    this.#services.log.info(`health check: ${event.kind}`, { cluster: name, endpoint: endpoint.key, why });
    if (settings.eventLogPaths.length === 0) return;
    const line = eventJson(name, settings.probe, endpoint, event, result, this.clock.wallMs());
    for (const path of settings.eventLogPaths) this.#services.appendLine(path, line);
  }
}

/**
 * A cluster at work: its endpoints with what traffic taught of them, their connections, its circuit breakers and
 * statistics. Lives on when the cluster's resource changes only in what it computes.
 *
 * @module
 */
import type { Random } from "../base/random.ts";
import { type Balancer, createBalancer, hashes } from "../engine/cluster/balancer.ts";
import type { CheckSettings } from "../engine/health/health-check.ts";
import type { CompiledCluster } from "../engine/cluster/cluster.ts";
import type { Endpoint } from "../engine/cluster/endpoint.ts";
import type { EndpointSet } from "../engine/cluster/endpoints.ts";
import type { LocalPeers } from "../engine/cluster/localities.ts";
import { observeLatency } from "../engine/cluster/peak-ewma.ts";
import type { Priority } from "../engine/cluster/limits.ts";
import type { DialError, Socket, SocketAddress } from "../net/socket.ts";
import type { ClusterStats, HashTableStats, HealthCheckStats, UdpClusterStats } from "../telemetry/envoy-stats.ts";
import type { Locality } from "../xds/proto/core-base.ts";
import type { ClusterLoadAssignment } from "../xds/proto/endpoint.ts";
import type { ClientAddresses } from "./client-pools.ts";
import { ClusterMembers } from "./cluster-members.ts";
import { ClusterConnections, type ConnectionServices } from "./cluster-connections.ts";
import { ClusterSessions } from "./cluster-sessions.ts";
import { ClusterOutcomes } from "./cluster-outcomes.ts";
import { DialedHosts } from "./dialed-hosts.ts";
import type { Failure } from "./failure.ts";
import type { CircuitBreaker } from "./circuit-breaker.ts";
import { ClusterAdmission } from "./cluster-admission.ts";
import { type CheckServices, HealthChecker } from "./health/health-checker.ts";
import type { DnsNames } from "./dns-names.ts";
import { NamedMembers } from "./named-endpoints.ts";
import { RequestedHosts } from "./requested-hosts.ts";
import { OtherPriorities } from "./other-priorities.ts";
import type { Pool } from "./upstream.ts";

/** The cluster of a proxy's own service, and where the proxy is. */
export interface LocalService {
  readonly clusterName: string;
  readonly locality: Locality;
}

/** What a cluster needs of the proxy. */
export interface ClusterServices extends ConnectionServices, CheckServices {
  readonly random: Random;
  readonly statsOf: (clusterName: string) => ClusterStats;
  readonly local?: LocalService | undefined;
  /** The endpoints of the {@link local} service that are healthy; empty while there are none. */
  readonly peersOf?: ((clusterName: string) => readonly Endpoint[]) | undefined;
  readonly hashStatsOf: (clusterName: string, table: "ringHash" | "maglev") => HashTableStats;
  readonly checkStatsOf: (clusterName: string) => HealthCheckStats;
  readonly udpStatsOf: (clusterName: string) => UdpClusterStats;
  readonly dns: DnsNames;
  /** Whether this process itself listens there. */
  readonly isOwn: (address: string, port: number) => boolean;
}

function peersOf(
  { caller }: CompiledCluster,
  { local: own, peersOf: endpointsOf }: ClusterServices,
): LocalPeers | undefined {
  const local = caller ?? own;
  if (local === undefined || endpointsOf === undefined) return undefined;
  return { endpoints: endpointsOf(local.clusterName), locality: local.locality };
}

const NO_FAILURES: ReadonlyMap<string, string> = new Map();
export class ClusterRuntime {
  readonly compiled: CompiledCluster;
  readonly endpoints: EndpointSet;
  readonly stats: ClusterStats;
  readonly admission: ClusterAdmission;
  /** Its balancer wants a hash of each request. */
  readonly hashes: boolean;
  /** Its balancer wants to know how long answers take. */
  readonly measures: boolean;
  readonly #decayMs: number;
  /** Its endpoints are checked actively. */
  readonly isChecked: boolean;
  readonly #services: ClusterServices;
  readonly #balancer: Balancer;
  readonly #members: ClusterMembers;
  /** Made when the first retry wants it. */
  #others: OtherPriorities | undefined;
  readonly #outcomes: ClusterOutcomes;
  readonly #connections: ClusterConnections;
  readonly #named: NamedMembers | undefined;
  /** Set where requests name their endpoints: then {@link pick} has none. */
  readonly requested: RequestedHosts | undefined;
  /** Set where connections bring their endpoints. */
  readonly #dialed: DialedHosts | undefined;
  readonly #checker: HealthChecker | undefined;
  #sessions: ClusterSessions | undefined;
  #isStarted = false;
  /** Set once it has been closed: whether no other cluster has its name. */
  #isGone: (() => boolean) | undefined;
  /** @param last The cluster that this one takes the place of. */
  constructor(compiled: CompiledCluster, services: ClusterServices, last?: ClusterRuntime) {
    this.compiled = compiled;
    this.#services = services;
    this.stats = services.statsOf(compiled.name);
    const nowMs = (): number => services.clock.nowMs();
    this.admission = new ClusterAdmission(compiled, this.stats.stats, nowMs);
    this.#connections = new ClusterConnections(compiled, services, this.stats.stats, this.admission.breakers, {
      onConnected: (endpoint) => this.#onConnected(endpoint),
      onGone: () => this.#forgetIfGone(),
    });
    this.hashes = hashes(compiled.balancer);
    this.measures = compiled.balancer.t === "peakEwma";
    this.#decayMs = compiled.balancer.t === "peakEwma" ? compiled.balancer.decayMs : 0;
    this.#balancer = createBalancer(compiled.balancer, nowMs);
    if (last !== undefined) this.#balancer.inherit?.(last.#balancer);
    this.#members = new ClusterMembers(compiled, this.stats.stats, this.#balancer, {
      clock: services.clock,
      peers: () => peersOf(compiled, services),
      hashStatsOf: services.hashStatsOf,
      onRemoved: (endpoint) => this.#connections.drop(endpoint),
    });
    this.endpoints = this.#members.endpoints;
    this.#outcomes = new ClusterOutcomes(compiled, this.stats, this.endpoints, services, () => this.#count());
    this.isChecked = compiled.check !== undefined;
    if (compiled.check !== undefined) this.#checker = this.#makeChecker(compiled.check);
    if (compiled.staticEndpoints !== undefined) this.#members.assign(compiled.staticEndpoints);
    if (compiled.dynamic !== undefined)
      this.requested = new RequestedHosts(compiled.dynamic, this.endpoints, services.dns, services.isOwn);
    this.#connections.requested = this.requested;
    if (compiled.dialed !== undefined) this.#dialed = new DialedHosts(compiled.dialed, this.endpoints, services.isOwn);
    if (compiled.namedEndpoints !== undefined)
      this.#named = new NamedMembers(compiled.namedEndpoints, services.dns, (found) => this.assign(found));
  }

  #makeChecker(settings: CheckSettings): HealthChecker {
    const { compiled, endpoints } = this;
    const connectTimeoutMs = Math.min(compiled.connectTimeoutMs, settings.timeoutMs);
    return new HealthChecker(this.#services, {
      name: compiled.name,
      settings,
      endpoints,
      stats: this.#services.checkStatsOf(compiled.name),
      addressOf: (endpoint) => this.#connections.checkAddressOf(endpoint, connectTimeoutMs),
      onHealth: () => this.#count(),
      onPass: (endpoint) => this.#outcomes.onCheckPassed(endpoint),
    });
  }

  /** Begins the work beside traffic. @param last The cluster that this one takes the place of. */
  start(last: ClusterRuntime | undefined): void {
    if (last !== undefined) this.#members.inherit(last.endpoints);
    if (this.#checker === undefined) return;
    const lastChecker = last === undefined ? undefined : last.#checker;
    if (lastChecker !== undefined) this.#checker.inherit(lastChecker);
    this.#checker.sync();
    this.#isStarted = true;
    this.#members.count();
  }

  /** What still runs on a cluster that was replaced must not write over the gauges of the one in its place. */
  #count(): void {
    if (this.#isGone === undefined) this.#members.count();
  }

  /** Names of endpoints have been looked up, whatever came of it. */
  get isLookedUp(): boolean {
    return this.#named?.isKnown ?? true;
  }

  /** Names whose last lookup gave nothing, and why. */
  get lookupFailures(): ReadonlyMap<string, string> {
    return (this.#named ?? this.requested)?.failures ?? NO_FAILURES;
  }

  /** @throws CompileError for what is wrong in it; the endpoints are then as they were. */
  assign(assignment: ClusterLoadAssignment): void {
    this.#members.assign(assignment);
    if (this.#isStarted) this.#checker?.sync();
  }

  /** An endpoint answered, or failed to, in this time. Only where the balancer {@link measures}. */
  onLatency(endpoint: Endpoint, latencyMs: number): void {
    observeLatency(endpoint, latencyMs, this.#services.clock.nowMs(), this.#decayMs);
  }

  /** An endpoint has said that it must not be used (`x-envoy-immediate-health-check-fail`). */
  takeOutNow(endpoint: Endpoint): void {
    this.#checker?.takeOutNow(endpoint);
  }

  /** The endpoint of a key, unless it is known not to serve. */
  serving(key: string): Endpoint | undefined {
    return this.#members.serving(key);
  }

  /**
   * @param hash Of the request, where the balancer {@link hashes}.
   * @param left Priorities that a retry leaves out.
   * @param dialed Where the client's connection was meant to go, where it was led here.
   */
  pick(
    random: Random,
    avoid: ReadonlySet<Endpoint> | undefined,
    reselections: number,
    hash?: bigint,
    left?: ReadonlySet<number>,
    dialed?: SocketAddress,
  ): Endpoint | undefined {
    const endpoint =
      this.#dialed === undefined
        ? this.#pick(left, random, avoid, reselections, hash)
        : this.#dialed.endpointOf(dialed, this.#services.clock.nowMs());
    if (endpoint === undefined) this.stats.stats.cxNoneHealthy.add(1);
    return endpoint;
  }

  #pick(
    left: ReadonlySet<number> | undefined,
    random: Random,
    avoid: ReadonlySet<Endpoint> | undefined,
    reselections: number,
    hash: bigint | undefined,
  ): Endpoint | undefined {
    if (this.requested !== undefined) return undefined;
    if (left === undefined) return this.#balancer.pick(this.endpoints, random, avoid, reselections, hash);
    const { clock } = this.#services;
    this.#others ??= new OtherPriorities(this.endpoints, this.compiled.balancer, () => clock.nowMs(), this.#balancer);
    return this.#others.pick(left, random, avoid, reselections, hash);
  }

  /** A request that was admitted has ended. */
  release(breaker: CircuitBreaker, endpoint: Endpoint): void {
    this.admission.release(breaker, endpoint);
    this.#forgetIfGone();
  }

  onResponse(endpoint: Endpoint, status: number): void {
    this.#outcomes.onResponse(endpoint, status);
  }

  /** The head of an answer whose verdict follows in its trailers. */
  onResponseBegun(status: number): void {
    this.#outcomes.onResponseBegun(status);
  }

  /** Whether the endpoint served a request well, as an HTTP status. */
  onVerdict(endpoint: Endpoint, status: number): void {
    this.#outcomes.onVerdict(endpoint, status);
  }

  onFailure(endpoint: Endpoint, failure: Failure): void {
    this.#outcomes.onFailure(endpoint, failure);
  }

  /**
   * @param fromHttp2 The client speaks HTTP/2, which the cluster may want to follow.
   * @param client Whom the request is from.
   * @param authority Whom it is for.
   */
  poolOf(endpoint: Endpoint, priority: Priority, fromHttp2: boolean, client: ClientAddresses, authority: string): Pool {
    return this.#connections.poolOf(endpoint, priority, fromHttp2, client, authority);
  }

  /** Of UDP. */
  get sessions(): ClusterSessions {
    const { udpStatsOf } = this.#services;
    return (this.#sessions ??= new ClusterSessions(
      this.admission.breakers.DEFAULT,
      udpStatsOf(this.compiled.name),
      () => this.#forgetIfGone(),
    ));
  }

  /**
   * A connection of its own, for a TCP proxy.
   * @param client Whose it is.
   * @param authority Whom a request that it is for names; undefined for connections without one.
   * @param onOpen Must call `closed` once when the connection has closed.
   * @returns Gives up a dial that has not come to an end: then neither callback comes, and it no longer counts.
   */
  dial(
    endpoint: Endpoint,
    client: ClientAddresses,
    authority: string | undefined,
    onOpen: (socket: Socket, closed: () => void) => void,
    onFail: (error: DialError) => void,
  ): () => void {
    return this.#connections.dial(endpoint, client, authority, onOpen, onFail);
  }

  #onConnected(endpoint: Endpoint): void {
    if (this.#checker !== undefined) this.#checker.hasTraffic = true;
    this.#outcomes.onConnected(endpoint);
  }

  /** The identity or the trust behind its connections has changed: new requests get new connections. */
  renewConnections(): void {
    this.#connections.renew();
  }

  sweep(nowMs: number): void {
    this.#connections.sweep(nowMs);
    this.requested?.sweep(nowMs);
    this.#dialed?.sweep(nowMs);
  }

  /**
   * Another takes its place, or none: what runs ends, nothing new begins.
   * @param isGone Whether no cluster has its name now: then its statistics go with the last that ran on it.
   */
  close(isGone: () => boolean): void {
    this.#isGone = isGone;
    this.#checker?.close();
    this.#outcomes.close();
    this.#members.close();
    this.#named?.close();
    this.requested?.close();
    this.#connections.close();
    this.#forgetIfGone();
  }

  /** Not before: a gauge that is counted down behind its removal would come back below zero. */
  #forgetIfGone(): void {
    if (this.#isGone === undefined || !this.admission.isEmpty) return;
    if (!this.#isGone()) return;
    this.stats.remove();
    this.#sessions?.forget();
    this.#members.forget();
    this.#checker?.forget();
  }
}

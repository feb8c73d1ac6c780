/**
 * A cluster at work: its endpoints with what traffic taught of them, their connections, its circuit breakers and
 * statistics. Lives on when the cluster's resource changes only in what it computes.
 *
 * @module
 */
import type { Timer } from "../base/clock.ts";
import type { Random } from "../base/random.ts";
import { type Balancer, createBalancer, hashes } from "../engine/cluster/balancer.ts";
import type { CheckSettings } from "../engine/health/health-check.ts";
import type { CompiledCluster } from "../engine/cluster/cluster.ts";
import type { Endpoint } from "../engine/cluster/endpoint.ts";
import { isDegraded, isHealthy, isIgnored } from "../engine/cluster/endpoint-groups.ts";
import { EndpointSet } from "../engine/cluster/endpoints.ts";
import type { LocalPeers } from "../engine/cluster/localities.ts";
import { observeLatency } from "../engine/cluster/peak-ewma.ts";
import type { Priority } from "../engine/cluster/limits.ts";
import { type Ejection, OutlierDetector, type OutlierResult, resultOfStatus } from "../engine/cluster/outlier.ts";
import type { ClientTls, DialError, Socket } from "../net/socket.ts";
import type { ClusterStats, HashTableStats, HealthCheckStats } from "../telemetry/envoy-stats.ts";
import { writeProxyHeader } from "../wire/proxy-protocol.ts";
import type { Locality } from "../xds/proto/core-base.ts";
import type { ClusterLoadAssignment } from "../xds/proto/endpoint.ts";
import { ANY_PURPOSE, type ClientAddresses, ClientPools, type Purpose, purposeOf } from "./client-pools.ts";
import { type Failure, isTryTimeout } from "./failure.ts";
import { CircuitBreaker } from "./circuit-breaker.ts";
import { dialHost, type HostAddress } from "./host-dialer.ts";
import { type CheckServices, HealthChecker } from "./health/health-checker.ts";
import type { DnsNames } from "./dns-names.ts";
import { HostPool, type PoolServices, type PoolSettings } from "./host-pool.ts";
import { NamedMembers } from "./named-endpoints.ts";
import { RequestedHosts } from "./requested-hosts.ts";
import { OtherPriorities } from "./other-priorities.ts";
import type { Pool, UpstreamSource } from "./upstream.ts";

/** The cluster of a proxy's own service, and where the proxy is. */
export interface LocalService {
  readonly clusterName: string;
  readonly locality: Locality;
}

/** What a cluster needs of the proxy. */
export interface ClusterServices extends PoolServices, CheckServices {
  readonly random: Random;
  /** The TLS settings for an endpoint of the cluster, made anew when secrets rotate; undefined for plaintext. */
  readonly tlsFor: (
    cluster: CompiledCluster,
    endpoint: Endpoint,
    host: string | undefined,
  ) => (() => ClientTls) | undefined;
  readonly statsOf: (clusterName: string) => ClusterStats;
  readonly local?: LocalService | undefined;
  /** The endpoints of the {@link local} service that are healthy; empty while there are none. */
  readonly peersOf?: ((clusterName: string) => readonly Endpoint[]) | undefined;
  readonly hashStatsOf: (clusterName: string, table: "ringHash" | "maglev") => HashTableStats;
  readonly checkStatsOf: (clusterName: string) => HealthCheckStats;
  readonly dns: DnsNames;
  /** Whether this process itself listens there. */
  readonly isOwn: (address: string, port: number) => boolean;
}

function peersOf({ local, peersOf: endpointsOf }: ClusterServices): LocalPeers | undefined {
  if (local === undefined || endpointsOf === undefined) return undefined;
  return { endpoints: endpointsOf(local.clusterName), locality: local.locality };
}

const NO_FAILURES: ReadonlyMap<string, string> = new Map();
const poolPair = (): readonly [Map<Endpoint, HostPool>, Map<Endpoint, HostPool>] => [new Map(), new Map()];

/** Whom connections of checks speak for. */
const NOBODY = { address: "", port: 0 };

export class ClusterRuntime {
  readonly compiled: CompiledCluster;
  readonly endpoints: EndpointSet;
  readonly stats: ClusterStats;
  /** Its balancer wants a hash of each request. */
  readonly hashes: boolean;
  /** Its balancer wants to know how long answers take. */
  readonly measures: boolean;
  readonly #decayMs: number;
  /** Its endpoints are checked actively. */
  readonly isChecked: boolean;
  readonly #services: ClusterServices;
  readonly #balancer: Balancer;
  /** Made when the first retry wants it. */
  #others: OtherPriorities | undefined;
  readonly #outlier: OutlierDetector | undefined;
  /** By priority; the second of each is for clients of HTTP/2 where the endpoint is spoken to as the client speaks. */
  readonly #pools = { DEFAULT: poolPair(), HIGH: poolPair() };
  readonly #clientPools = new ClientPools();
  readonly #named: NamedMembers | undefined;
  /** Set where requests name their endpoints: then {@link pick} has none. */
  readonly requested: RequestedHosts | undefined;
  /** Some pools are not for everybody. */
  readonly #hasPurposes: boolean;
  readonly #breakers: Readonly<Record<Priority, CircuitBreaker>>;
  readonly #checker: HealthChecker | undefined;
  readonly #hashStats: HashTableStats | undefined;
  /** The version of the endpoints that tables were made for. */
  #tablesOf = -1;
  #outlierTimer: Timer | undefined;
  #isStarted = false;
  /** Set once it has been closed: whether no other cluster has its name. */
  #isGone: (() => boolean) | undefined;
  /** An assignment has arrived: before that, requests fail for another reason. */
  isWarm = false;

  constructor(compiled: CompiledCluster, services: ClusterServices) {
    this.compiled = compiled;
    this.#services = services;
    this.stats = services.statsOf(compiled.name);
    this.#hasPurposes = compiled.usesProxyProtocol || compiled.http.serverByHost !== undefined;
    this.#breakers = {
      DEFAULT: new CircuitBreaker(compiled.limits.default),
      HIGH: new CircuitBreaker(compiled.limits.high),
    };
    this.endpoints = new EndpointSet({
      panicPercent: compiled.healthyPanicPercent,
      failOnPanic: compiled.failOnPanic,
      localities: compiled.localities,
      nowMs: () => services.clock.nowMs(),
      peers: () => peersOf(services),
      ...(compiled.check === undefined
        ? {}
        : { checks: { keepServing: !compiled.dropsServing, ignoreNew: compiled.ignoresNewEndpoints } }),
      onRemoved: (endpoint) => this.#dropPool(endpoint),
    });
    this.hashes = hashes(compiled.balancer);
    this.measures = compiled.balancer.t === "peakEwma";
    this.#decayMs = compiled.balancer.t === "peakEwma" ? compiled.balancer.decayMs : 0;
    this.#balancer = createBalancer(compiled.balancer, () => services.clock.nowMs());
    const { t: kind } = compiled.balancer;
    if (kind === "ringHash" || kind === "maglev") this.#hashStats = services.hashStatsOf(compiled.name, kind);
    if (compiled.outlier !== undefined) {
      this.#outlier = new OutlierDetector(compiled.outlier, this.endpoints, services.random);
      this.#scheduleTick(compiled.outlier.intervalMs);
    }
    this.isChecked = compiled.check !== undefined;
    if (compiled.check !== undefined) this.#checker = this.#makeChecker(compiled.check);
    if (compiled.staticEndpoints !== undefined) this.#assign(compiled.staticEndpoints);
    if (compiled.dynamic !== undefined)
      this.requested = new RequestedHosts(compiled.dynamic, this.endpoints, services.dns, services.isOwn);
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
      addressOf: (endpoint) => {
        const version = compiled.proxyProtocolOf(endpoint);
        const preface = version === undefined ? {} : { preface: writeProxyHeader(version, NOBODY, NOBODY) };
        return { ...this.#addressOf(endpoint, ANY_PURPOSE), ...preface, connectTimeoutMs };
      },
      onHealth: () => this.#countMembers(),
      onPass: (endpoint) => {
        if (this.#outlier?.onCheckPassed(endpoint, this.#services.clock.nowMs())) this.#countMembers();
      },
    });
  }

  /** Begins the work beside traffic. @param last The cluster that this one takes the place of. */
  start(last: ClusterRuntime | undefined): void {
    if (last !== undefined) this.#inherit(last.endpoints);
    if (this.#checker === undefined) return;
    const lastChecker = last === undefined ? undefined : last.#checker;
    if (lastChecker !== undefined) this.#checker.inherit(lastChecker);
    this.#checker.sync();
    this.#isStarted = true;
    this.#countMembers();
  }

  /** Endpoints that stay are as warm and as quick as they were. */
  #inherit(last: EndpointSet): void {
    for (const endpoint of this.endpoints.all) {
      const known = last.get(endpoint.key);
      if (known === undefined) continue;
      endpoint.warmSinceMs = known.warmSinceMs;
      endpoint.latencyMs = known.latencyMs;
      endpoint.latencyAtMs = known.latencyAtMs;
    }
    this.endpoints.refresh();
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
    this.#assign(assignment);
    if (this.#isStarted) this.#checker?.sync();
  }

  #assign(assignment: ClusterLoadAssignment): void {
    this.endpoints.update(assignment);
    this.isWarm = true;
    this.stats.stats.membershipChange.add(1);
    this.#countMembers();
  }

  /** Counted anew each time: endpoints leave and clusters are replaced while some are ejected. */
  #countMembers(): void {
    const { stats } = this.stats;
    const { all } = this.endpoints;
    const count = (is: (endpoint: Endpoint) => boolean): number => all.reduce((sum, it) => sum + (is(it) ? 1 : 0), 0);
    stats.membershipTotal.set(all.length);
    stats.membershipHealthy.set(count(isHealthy));
    stats.membershipDegraded.set(count(isDegraded));
    stats.membershipExcluded.set(count(isIgnored));
    stats.ejectionsActive.set(count(({ ejected }) => ejected));
    if (this.hashes) this.#makeTables();
  }

  /** When endpoints change, so that no request waits for it. */
  #makeTables(): void {
    if (this.#tablesOf === this.endpoints.version) return;
    this.#tablesOf = this.endpoints.version;
    this.#balancer.prepare?.(this.endpoints);
    const { tableSizes } = this.#balancer;
    if (tableSizes !== undefined) this.#hashStats?.set(tableSizes);
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
    const endpoint = this.endpoints.get(key);
    return endpoint !== undefined && (isHealthy(endpoint) || isDegraded(endpoint)) ? endpoint : undefined;
  }

  /**
   * @param hash Of the request, where the balancer {@link hashes}.
   * @param left Priorities that a retry leaves out.
   */
  pick(
    random: Random,
    avoid: ReadonlySet<Endpoint> | undefined,
    reselections: number,
    hash?: bigint,
    left?: ReadonlySet<number>,
  ): Endpoint | undefined {
    const endpoint = this.#pick(left, random, avoid, reselections, hash);
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
    this.#others ??= new OtherPriorities(this.endpoints, this.compiled.balancer, () => clock.nowMs());
    return this.#others.pick(left, random, avoid, reselections, hash);
  }

  /** What runs and waits now, at all priorities. */
  get load(): {
    readonly connections: number;
    readonly pending: number;
    readonly requests: number;
    readonly retries: number;
  } {
    const { DEFAULT, HIGH } = this.#breakers;
    return {
      connections: DEFAULT.counts.connections + HIGH.counts.connections,
      pending: DEFAULT.counts.pending + HIGH.counts.pending,
      requests: DEFAULT.load.requests + HIGH.load.requests,
      retries: DEFAULT.load.retries + HIGH.load.retries,
    };
  }

  /** The circuit breaker of a routing priority. */
  breakerOf(priority: Priority): CircuitBreaker {
    return this.#breakers[priority];
  }

  /** Counts a request in, or says no: the circuit breaker is open. */
  admit(breaker: CircuitBreaker, source: UpstreamSource): boolean {
    if (!breaker.mayRequest(source.hasRoom)) {
      this.stats.stats.rqPendingOverflow.add(1);
      return false;
    }
    breaker.load.requests++;
    this.stats.stats.rqTotal.add(1);
    this.stats.stats.rqActive.add(1);
    return true;
  }

  /** Counts a retry in, or says no. */
  admitRetry(breaker: CircuitBreaker): boolean {
    if (!breaker.mayRetry()) {
      this.stats.stats.rqRetryOverflow.add(1);
      return false;
    }
    breaker.load.retries++;
    this.stats.stats.rqRetry.add(1);
    return true;
  }

  endRetry(breaker: CircuitBreaker, succeeded: boolean): void {
    breaker.load.retries--;
    if (succeeded) this.stats.stats.rqRetrySuccess.add(1);
  }

  /** @param byAnswer The answer said when to try again. */
  onBackoff(byAnswer: boolean): void {
    const { stats } = this.stats;
    (byAnswer ? stats.rqRetryByRateLimit : stats.rqRetryByBackoff).add(1);
  }

  onRetryLimit(): void {
    this.stats.stats.rqRetryLimitExceeded.add(1);
  }

  /** Counts out what {@link admit} counted in. */
  release(breaker: CircuitBreaker, endpoint: Endpoint): void {
    endpoint.activeRequests--;
    breaker.load.requests--;
    this.stats.stats.rqActive.add(-1);
    this.#forgetIfGone();
  }

  onResponse(endpoint: Endpoint, status: number): void {
    this.stats.response(status);
    this.onVerdict(endpoint, status);
  }

  /** The head of an answer whose verdict follows in its trailers. */
  onResponseBegun(status: number): void {
    this.stats.response(status);
  }

  /** Whether the endpoint served a request well, as an HTTP status. */
  onVerdict(endpoint: Endpoint, status: number): void {
    endpoint.requestsTotal++;
    if (status >= 500) endpoint.requestsFailed++;
    if (this.#outlier !== undefined) this.#learn(endpoint, resultOfStatus(status, this.compiled.http.isError));
  }

  onFailure(endpoint: Endpoint, failure: Failure): void {
    endpoint.requestsTotal++;
    endpoint.requestsFailed++;
    const { stats } = this.stats;
    if (failure.kind === "upstreamTimeout") stats.rqTimeout.add(1);
    else if (failure.kind === "perTryTimeout") stats.rqPerTryTimeout.add(1);
    else if (failure.kind === "perTryIdleTimeout") stats.rqPerTryIdleTimeout.add(1);
    else if (failure.requestSent) stats.rqRxReset.add(1);
    const timedOut = failure.kind === "upstreamTimeout" || isTryTimeout(failure.kind);
    if (this.#outlier !== undefined) this.#learn(endpoint, timedOut ? "timeout" : "connectFailure");
  }

  #learn(endpoint: Endpoint, result: OutlierResult): void {
    const ejection = this.#outlier?.onResult(endpoint, result, this.#services.clock.nowMs());
    if (ejection !== undefined) this.#countEjection(ejection);
  }

  #countEjection(ejection: Ejection): void {
    const { stats } = this.stats;
    if (ejection.outcome === "overflow") stats.ejectionsOverflow.add(1);
    if (ejection.cause === "consecutive5xx") stats.ejectionsDetectedConsecutive5xx.add(1);
    if (ejection.outcome !== "enforced") return;
    stats.ejectionsEnforcedTotal.add(1);
    if (ejection.cause === "consecutive5xx") stats.ejectionsEnforcedConsecutive5xx.add(1);
    this.#countMembers();
  }

  #scheduleTick(intervalMs: number): void {
    this.#outlierTimer = this.#services.clock.after(intervalMs, () => {
      if (this.#isGone !== undefined) return;
      const report = this.#outlier?.tick(this.#services.clock.nowMs());
      for (const ejection of report?.ejections ?? []) this.#countEjection(ejection);
      this.#countMembers();
      this.#scheduleTick(intervalMs);
    });
  }

  /**
   * @param fromHttp2 The client speaks HTTP/2, which the cluster may want to follow.
   * @param client Whom the request is from.
   * @param authority Whom it is for.
   */
  poolOf(endpoint: Endpoint, priority: Priority, fromHttp2: boolean, client: ClientAddresses, authority: string): Pool {
    const { http } = this.compiled;
    const follows = http.protocol === "useDownstream";
    const protocol = http.protocol === "useDownstream" ? (fromHttp2 ? "http2" : "http1") : http.protocol;
    const purpose = this.#hasPurposes ? purposeOf(this.compiled, endpoint, client, authority) : ANY_PURPOSE;
    if (purpose !== ANY_PURPOSE)
      return this.#clientPools.of(endpoint, purpose, protocol, priority, () =>
        this.#makePool(endpoint, priority, protocol, purpose),
      );
    const pools = this.#pools[priority][follows && fromHttp2 ? 1 : 0];
    let pool = pools.get(endpoint);
    if (pool === undefined) pools.set(endpoint, (pool = this.#makePool(endpoint, priority, protocol, ANY_PURPOSE)));
    return pool;
  }

  #makePool(endpoint: Endpoint, priority: Priority, protocol: PoolSettings["protocol"], purpose: Purpose): HostPool {
    const { http, limits } = this.compiled;
    const breaker = this.#breakers[priority];
    const settings: PoolSettings = {
      ...this.#addressOf(endpoint, purpose),
      protocol,
      http2: http.http2,
      maxRequestsPerConnection: http.maxRequestsPerConnection,
      maxConnections: breaker.limits.maxConnections,
      maxOwnConnections: limits.maxConnectionsPerEndpoint,
      idleTimeoutMs: http.idleTimeoutMs,
      maxConnectionDurationMs: http.maxConnectionDurationMs,
    };
    const pool = new HostPool(this.#services, settings, breaker.counts, this.#poolEvents(endpoint));
    // A request that began before the cluster was closed tries again: its connection must not stay.
    if (this.#isGone !== undefined) pool.retire();
    return pool;
  }

  #addressOf(endpoint: Endpoint, { client, host }: Purpose): HostAddress {
    const { address, path, port } = endpoint;
    const { connectTimeoutMs, keepAliveMs } = this.compiled;
    const tls = this.#services.tlsFor(this.compiled, endpoint, host);
    const version = this.compiled.proxyProtocolOf(endpoint);
    const preface =
      version === undefined || client === undefined
        ? {}
        : { preface: writeProxyHeader(version, client.remote, client.local) };
    const lookup = this.requested?.lookup(endpoint);
    const at = { address, port, ...(path === undefined ? {} : { path }) };
    return { ...at, ...preface, tls, connectTimeoutMs, keepAliveMs, lookup };
  }

  /** Whether a circuit breaker lets another connection be opened for a TCP proxy. */
  mayConnect(): boolean {
    if (this.#breakers.DEFAULT.mayConnect()) return true;
    this.stats.stats.cxOverflow.add(1);
    return false;
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
    const { counts } = this.#breakers.DEFAULT;
    const purpose = purposeOf(this.compiled, endpoint, client, authority);
    const events = this.#poolEvents(endpoint);
    counts.connections++;
    const closed = (): void => {
      counts.connections--;
      events.onDisconnect();
    };
    const opened = (socket: Socket): void => {
      events.onConnect();
      onOpen(socket, closed);
    };
    const failed = (error: DialError): void => {
      counts.connections--;
      events.onConnectFailure(error);
      onFail(error);
    };
    const giveUp = dialHost(this.#services.network, this.#addressOf(endpoint, purpose), opened, failed);
    return () => {
      if (!giveUp()) return;
      counts.connections--;
      this.#forgetIfGone();
    };
  }

  #poolEvents(endpoint: Endpoint) {
    const { stats } = this.stats;
    return {
      onConnect: (isHttp2?: boolean): void => {
        if (isHttp2 !== undefined) (isHttp2 ? stats.cxHttp2Total : stats.cxHttp1Total).add(1);
        endpoint.activeConnections++;
        endpoint.connectionsTotal++;
        stats.cxTotal.add(1);
        stats.cxActive.add(1);
        if (this.#checker !== undefined) this.#checker.hasTraffic = true;
        if (this.#outlier !== undefined) this.#learn(endpoint, "connectSuccess");
      },
      onConnectFailure: (error: { readonly kind: string }): void => {
        endpoint.connectFailures++;
        (error.kind === "timeout" ? stats.cxConnectTimeout : stats.cxConnectFail).add(1);
        this.#forgetIfGone();
      },
      onDisconnect: (): void => {
        endpoint.activeConnections--;
        stats.cxActive.add(-1);
        stats.cxDestroy.add(1);
        this.#forgetIfGone();
      },
      onWaiting: (by: number): void => {
        stats.rqPendingActive.add(by);
        if (by > 0) stats.rqPendingTotal.add(by);
      },
      onOverflow: (): void => stats.cxOverflow.add(1),
    };
  }

  get #allPools(): readonly Map<Endpoint, HostPool>[] {
    return [...this.#pools.DEFAULT, ...this.#pools.HIGH];
  }

  #dropPool(endpoint: Endpoint): void {
    this.#clientPools.drop(endpoint);
    for (const pools of this.#allPools) {
      pools.get(endpoint)?.retire();
      pools.delete(endpoint);
    }
  }

  /** The identity or the trust behind its connections has changed: new requests get new connections. */
  renewConnections(): void {
    for (const pools of this.#allPools) for (const endpoint of pools.keys()) this.#dropPool(endpoint);
    this.#clientPools.dropAll();
  }

  sweep(nowMs: number): void {
    for (const pools of this.#allPools) for (const pool of pools.values()) pool.sweep(nowMs);
    this.#clientPools.sweep(nowMs);
    this.requested?.sweep(nowMs);
  }

  /**
   * Another takes its place, or none: what runs ends, nothing new begins.
   * @param isGone Whether no cluster has its name now: then its statistics go with the last that ran on it.
   */
  close(isGone: () => boolean): void {
    this.#isGone = isGone;
    this.#checker?.close();
    this.#outlierTimer?.cancel();
    this.#named?.close();
    this.requested?.close();
    this.renewConnections();
    this.#forgetIfGone();
  }

  /** Not before: a gauge that is counted down behind its removal would come back below zero. */
  #forgetIfGone(): void {
    if (this.#isGone === undefined || !this.#breakers.DEFAULT.isEmpty || !this.#breakers.HIGH.isEmpty) return;
    if (!this.#isGone()) return;
    this.stats.remove();
    this.#hashStats?.remove();
    this.#checker?.forget();
  }
}

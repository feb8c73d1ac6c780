/**
 * The connections of a cluster: a pool for each endpoint, routing priority and protocol, and those of TCP proxies.
 *
 * @module
 */
import type { CompiledCluster } from "../engine/cluster/cluster.ts";
import type { Endpoint } from "../engine/cluster/endpoint.ts";
import type { Priority } from "../engine/cluster/limits.ts";
import type { ClientTls, DialError, Socket } from "../net/socket.ts";
import type { ClusterStats } from "../telemetry/envoy-stats.ts";
import { writeProxyHeader } from "../wire/proxy-protocol.ts";
import type { Breakers } from "./cluster-admission.ts";
import { ANY_PURPOSE, type ClientAddresses, ClientPools, type Purpose, purposeOf } from "./client-pools.ts";
import { dialHost, type HostAddress } from "./host-dialer.ts";
import { HostPool, type PoolServices, type PoolSettings } from "./host-pool.ts";
import type { RequestedHosts } from "./requested-hosts.ts";
import type { Pool } from "./upstream.ts";

export interface ConnectionServices extends PoolServices {
  /** The TLS settings for an endpoint of the cluster, made anew when secrets rotate; undefined for plaintext. */
  readonly tlsFor: (
    cluster: CompiledCluster,
    endpoint: Endpoint,
    host: string | undefined,
  ) => (() => ClientTls) | undefined;
}

/** What a cluster learns of its connections. */
export interface ConnectionEvents {
  onConnected(endpoint: Endpoint): void;
  /** One has ended, or did not come about. */
  onGone(): void;
}

const poolPair = (): readonly [Map<Endpoint, HostPool>, Map<Endpoint, HostPool>] => [new Map(), new Map()];

/** Whom connections of checks speak for. */
const NOBODY = { address: "", port: 0 };

export class ClusterConnections {
  readonly #compiled: CompiledCluster;
  readonly #services: ConnectionServices;
  readonly #stats: ClusterStats["stats"];
  readonly #breakers: Breakers;
  readonly #events: ConnectionEvents;
  /** By priority; the second of each is for clients of HTTP/2 where the endpoint is spoken to as the client speaks. */
  readonly #pools = { DEFAULT: poolPair(), HIGH: poolPair() };
  readonly #clientPools = new ClientPools();
  /** Some pools are not for everybody. */
  readonly #hasPurposes: boolean;
  /** Set where requests name their endpoints. */
  requested: RequestedHosts | undefined;
  #isClosed = false;

  constructor(
    compiled: CompiledCluster,
    services: ConnectionServices,
    stats: ClusterStats["stats"],
    breakers: Breakers,
    events: ConnectionEvents,
  ) {
    this.#compiled = compiled;
    this.#services = services;
    this.#stats = stats;
    this.#breakers = breakers;
    this.#events = events;
    this.#hasPurposes = compiled.usesProxyProtocol || compiled.http.serverByHost !== undefined;
  }

  /** See {@link ClusterRuntime.poolOf}. */
  poolOf(endpoint: Endpoint, priority: Priority, fromHttp2: boolean, client: ClientAddresses, authority: string): Pool {
    const { http } = this.#compiled;
    const follows = http.protocol === "useDownstream";
    const protocol = http.protocol === "useDownstream" ? (fromHttp2 ? "http2" : "http1") : http.protocol;
    const purpose = this.#hasPurposes ? purposeOf(this.#compiled, endpoint, client, authority) : ANY_PURPOSE;
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
    const { http, limits } = this.#compiled;
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
    if (this.#isClosed) pool.retire();
    return pool;
  }

  #addressOf(endpoint: Endpoint, { client, host }: Purpose): HostAddress {
    const { address, path, port } = endpoint;
    const { connectTimeoutMs, keepAliveMs, localAddress } = this.#compiled;
    const tls = this.#services.tlsFor(this.#compiled, endpoint, host);
    const version = this.#compiled.proxyProtocolOf(endpoint);
    const preface =
      version === undefined || client === undefined
        ? {}
        : { preface: writeProxyHeader(version, client.remote, client.local) };
    const lookup = this.requested?.lookup(endpoint);
    const at = { address, port, ...(path === undefined ? {} : { path }) };
    return { ...at, ...preface, tls, connectTimeoutMs, keepAliveMs, localAddress, lookup };
  }

  /** Of a health check, which speaks for nobody. */
  checkAddressOf(endpoint: Endpoint, connectTimeoutMs: number): HostAddress {
    const version = this.#compiled.proxyProtocolOf(endpoint);
    const preface = version === undefined ? {} : { preface: writeProxyHeader(version, NOBODY, NOBODY) };
    return { ...this.#addressOf(endpoint, ANY_PURPOSE), ...preface, connectTimeoutMs };
  }

  /** See {@link ClusterRuntime.dial}. */
  dial(
    endpoint: Endpoint,
    client: ClientAddresses,
    authority: string | undefined,
    onOpen: (socket: Socket, closed: () => void) => void,
    onFail: (error: DialError) => void,
  ): () => void {
    const { counts } = this.#breakers.DEFAULT;
    const purpose = purposeOf(this.#compiled, endpoint, client, authority);
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
      this.#events.onGone();
    };
  }

  #poolEvents(endpoint: Endpoint) {
    const stats = this.#stats;
    return {
      onConnect: (isHttp2?: boolean): void => {
        if (isHttp2 !== undefined) (isHttp2 ? stats.cxHttp2Total : stats.cxHttp1Total).add(1);
        endpoint.activeConnections++;
        endpoint.connectionsTotal++;
        stats.cxTotal.add(1);
        stats.cxActive.add(1);
        this.#events.onConnected(endpoint);
      },
      onConnectFailure: (error: { readonly kind: string }): void => {
        endpoint.connectFailures++;
        (error.kind === "timeout" ? stats.cxConnectTimeout : stats.cxConnectFail).add(1);
        this.#events.onGone();
      },
      onDisconnect: (): void => {
        endpoint.activeConnections--;
        stats.cxActive.add(-1);
        stats.cxDestroy.add(1);
        this.#events.onGone();
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

  /** What the endpoint has ends when its requests have; nothing new begins on it. */
  drop(endpoint: Endpoint): void {
    this.#clientPools.drop(endpoint);
    for (const pools of this.#allPools) {
      pools.get(endpoint)?.retire();
      pools.delete(endpoint);
    }
  }

  /** {@link drop} for all endpoints: new requests get new connections. */
  renew(): void {
    for (const pools of this.#allPools) for (const endpoint of pools.keys()) this.drop(endpoint);
    this.#clientPools.dropAll();
  }

  /** Nothing is kept from now on. */
  close(): void {
    this.#isClosed = true;
    this.renew();
  }

  sweep(nowMs: number): void {
    for (const pools of this.#allPools) for (const pool of pools.values()) pool.sweep(nowMs);
    this.#clientPools.sweep(nowMs);
  }
}

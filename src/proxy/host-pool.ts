/**
 * Connections to one endpoint. One of HTTP/1.1 carries a request at a time: idle ones are used last in, first out. One
 * of HTTP/2 carries many. Who finds no way waits for the next that opens or comes free.
 *
 * @module
 */
import type { Clock } from "../base/clock.ts";
import type { Http2Settings } from "../engine/http2-settings.ts";
import { type DialError, deafHandler, type Network, type Socket } from "../net/socket.ts";
import type { Failure } from "./failure.ts";
import { dialHost, failureOf, type HostAddress } from "./host-dialer.ts";
import { ClientConnection, type ConnectionOwner } from "./http1/client-connection.ts";
import { Http2ClientConnection, type Http2ConnectionOwner } from "./http2/client-connection.ts";
import type { Turn } from "./turn.ts";
import type { KeptNeeded, Pool, Waiter } from "./upstream.ts";

/** Counts that the circuit breakers of a cluster look at, and the pool keeps. */
export interface ConnectionCounts {
  connections: number;
  pending: number;
}

export interface PoolSettings extends HostAddress {
  /** `auto`: what TLS settles on. */
  readonly protocol: "http1" | "http2" | "auto";
  readonly http2: Http2Settings;
  /** 0: no limit. */
  readonly maxRequestsPerConnection: number;
  /** Of the cluster. */
  readonly maxConnections: number;
  /** Of this endpoint alone. */
  readonly maxOwnConnections: number;
  readonly idleTimeoutMs: number;
  /** Infinity: connections may get as old as they like. */
  readonly maxConnectionDurationMs: number;
}

/** What a pool reports to its cluster's statistics. */
export interface PoolEvents {
  onConnect(isHttp2: boolean): void;
  onConnectFailure(error: DialError): void;
  onDisconnect(): void;
  /** So many more wait for a connection, or fewer. */
  onWaiting(by: number): void;
  /** A connection was wanted and may not be opened. */
  onOverflow(): void;
}

/** What a pool needs of the proxy. */
export interface PoolServices {
  readonly network: Network;
  readonly clock: Clock;
  readonly turn: Turn;
}

/**
 * Servers that close a connection which was used so lately say so. Proxies of the mesh keep theirs at least as long as
 * this pool does.
 */
const SURE_MS = 1000;

type AnyConnection = ClientConnection | Http2ClientConnection;

export class HostPool implements ConnectionOwner, Http2ConnectionOwner, Pool {
  readonly #services: PoolServices;
  readonly #settings: PoolSettings;
  readonly #counts: ConnectionCounts;
  readonly #events: PoolEvents;
  readonly #idle: ClientConnection[] = [];
  /** Those of HTTP/2 that take requests. */
  readonly #shared: Http2ClientConnection[] = [];
  readonly #all = new Set<AnyConnection>();
  /** When each was opened, where they may not get old. */
  readonly #openedMs = new Map<AnyConnection, number>();
  readonly #waiting: Waiter[] = [];
  #connecting = 0;
  #retired = false;
  /** The endpoint is known to speak HTTP/2, or may: one connection is then tried for all that wait. */
  #mayShare: boolean;

  constructor(services: PoolServices, settings: PoolSettings, counts: ConnectionCounts, events: PoolEvents) {
    this.#services = services;
    this.#settings = settings;
    this.#counts = counts;
    this.#events = events;
    this.#mayShare = settings.protocol !== "http1";
  }

  acquire(waiter: Waiter): void {
    const shared = this.#sharedWithRoom();
    if (shared !== undefined) {
      waiter.onUpstream(shared.take());
      if (this.#isUsedUp(shared)) shared.drain();
      return;
    }
    const kept = this.#kept(waiter.keptNeeded);
    if (kept !== undefined) return waiter.onUpstream(kept);
    this.#waiting.push(waiter);
    this.#countWaiting(1);
    this.#dialAsNeeded();
    if (this.#connecting < this.#needed) this.#events.onOverflow();
  }

  /** Nobody uses it, or waits. */
  get isEmpty(): boolean {
    return this.#all.size + this.#connecting + this.#waiting.length === 0;
  }

  /** The one that was used last, if it serves. */
  #kept(needed: KeptNeeded): ClientConnection | undefined {
    const idle = this.#idle;
    for (let last = idle.at(-1); last !== undefined; last = idle.at(-1)) {
      if (last.maxIdleMs !== Infinity && this.#idleMs(last) >= last.maxIdleMs) last.destroy();
      else return needed === "any" || this.#serves(last, needed) ? idle.pop() : undefined;
    }
    return undefined;
  }

  /** Where no other may be opened, one that is in doubt is better than none. */
  #serves(connection: ClientConnection, needed: KeptNeeded): boolean {
    if (needed === "sure" && (connection.maxIdleMs !== Infinity || connection.socket.peer?.spiffeId !== undefined))
      return true;
    if (needed === "sure" && this.#idleMs(connection) < SURE_MS) return true;
    return !this.#mayDial;
  }

  #idleMs({ idleSinceMs }: ClientConnection): number {
    return this.#services.clock.nowMs() - idleSinceMs;
  }

  get hasRoom(): boolean {
    return this.#idle.length > 0 || this.#sharedWithRoom() !== undefined;
  }

  #sharedWithRoom(): Http2ClientConnection | undefined {
    for (let i = 0; i < this.#shared.length; i++) {
      const connection = this.#shared[i] as Http2ClientConnection;
      if (connection.hasRoom) return connection;
    }
    return undefined;
  }

  cancel(waiter: Waiter): void {
    const at = this.#waiting.indexOf(waiter);
    if (at < 0) return;
    this.#waiting.splice(at, 1);
    this.#countWaiting(-1);
  }

  #countWaiting(by: number): void {
    this.#counts.pending += by;
    this.#events.onWaiting(by);
  }

  retire(): void {
    this.#retired = true;
    for (const connection of this.#all) {
      if (connection instanceof Http2ClientConnection) connection.drain();
      else connection.retired = true;
    }
    for (const connection of this.#idle.splice(0)) connection.destroy();
  }

  sweep(nowMs: number): void {
    const { idleTimeoutMs } = this.#settings;
    while (this.#idle[0] !== undefined && nowMs - this.#idle[0].idleSinceMs > idleTimeoutMs)
      (this.#idle.shift() as ClientConnection).destroy();
    for (const connection of this.#idle.filter((it) => nowMs - it.idleSinceMs >= it.maxIdleMs)) connection.destroy();
    if (this.#openedMs.size > 0) this.#retireOld(nowMs);
    // An endpoint of TLS may speak HTTP/1.1 from now on, and have connections of HTTP/2 from before.
    if (this.#settings.protocol === "http1") return;
    for (const connection of this.#all)
      if (connection instanceof Http2ClientConnection) connection.sweep(nowMs, idleTimeoutMs);
  }

  /** What is under way on them ends first. */
  #retireOld(nowMs: number): void {
    for (const [connection, openedMs] of this.#openedMs) {
      if (nowMs - openedMs < this.#settings.maxConnectionDurationMs) continue;
      this.#openedMs.delete(connection);
      if (connection instanceof Http2ClientConnection) connection.drain();
      else if (this.#idle.includes(connection)) connection.destroy();
      else connection.retired = true;
    }
  }

  #opens(connection: AnyConnection): void {
    this.#all.add(connection);
    if (this.#settings.maxConnectionDurationMs !== Infinity)
      this.#openedMs.set(connection, this.#services.clock.nowMs());
  }

  /** Connections that those who wait could use. */
  get #needed(): number {
    return this.#mayShare ? Math.min(this.#waiting.length, 1) : this.#waiting.length;
  }

  #dialAsNeeded(): void {
    while (this.#connecting < this.#needed && this.#mayDial) this.#dial();
  }

  /** As in Envoy, a pool that has none may open one whatever the cluster has. */
  get #mayDial(): boolean {
    const { maxConnections, maxOwnConnections } = this.#settings;
    const own = this.#all.size + this.#connecting;
    return own === 0 || (this.#counts.connections < maxConnections && own < maxOwnConnections);
  }

  #dial(): void {
    this.#connecting++;
    this.#counts.connections++;
    dialHost(this.#services.network, this.#settings, this.#opened, this.#failed);
  }

  readonly #opened = (socket: Socket): void => {
    this.#connecting--;
    const isHttp2 = this.#speaksHttp2(socket);
    this.#events.onConnect(isHttp2);
    if (this.#retired && this.#waiting.length === 0) {
      this.#counts.connections--;
      this.#events.onDisconnect();
      socket.handler = deafHandler;
      return socket.destroy();
    }
    if (isHttp2) this.#openShared(socket);
    else this.#openHttp1(socket);
    this.#dialAsNeeded();
  };

  #speaksHttp2(socket: Socket): boolean {
    const { protocol } = this.#settings;
    if (protocol === "auto") this.#mayShare = socket.alpn === "h2";
    return this.#mayShare;
  }

  #openHttp1(socket: Socket): void {
    const connection = new ClientConnection(socket, this);
    connection.retired = this.#retired;
    this.#opens(connection);
    this.#release(connection);
  }

  #openShared(socket: Socket): void {
    const { clock, turn } = this.#services;
    const connection = new Http2ClientConnection(socket, this, this.#settings.http2, turn, clock);
    this.#opens(connection);
    this.#shared.push(connection);
    this.onRoom(connection);
    if (this.#retired) connection.drain();
  }

  readonly #failed = (error: DialError): void => {
    this.#connecting--;
    this.#counts.connections--;
    this.#events.onConnectFailure(error);
    this.#failWaiters(failureOf(error));
  };

  /** Takes out a connection that is on its way out: nobody may get it any more. */
  onLost(connection: AnyConnection): void {
    const from: AnyConnection[] = connection instanceof Http2ClientConnection ? this.#shared : this.#idle;
    const at = from.indexOf(connection);
    if (at >= 0) from.splice(at, 1);
  }

  /** As many waiters fail as have no connection under way any more. */
  #failWaiters(failure: Failure): void {
    const lost = this.#mayShare && this.#connecting > 0 ? 0 : Math.max(this.#waiting.length - this.#connecting, 0);
    for (const waiter of this.#waiting.splice(0, lost)) {
      this.#countWaiting(-1);
      waiter.onNoConnection(failure);
    }
  }

  onIdle(connection: ClientConnection): void {
    if (this.#isUsedUp(connection)) return connection.destroy();
    this.#release(connection);
  }

  onRoom(connection: Http2ClientConnection): void {
    while (this.#waiting.length > 0 && connection.hasRoom && !this.#isUsedUp(connection)) {
      const waiter = this.#waiting.shift() as Waiter;
      this.#countWaiting(-1);
      waiter.onUpstream(connection.take());
    }
    if (this.#isUsedUp(connection)) connection.drain();
    this.#dialAsNeeded();
  }

  #isUsedUp({ requests }: AnyConnection): boolean {
    const limit = this.#settings.maxRequestsPerConnection;
    return limit > 0 && requests >= limit;
  }

  #release(connection: ClientConnection): void {
    const waiter = this.#waiting.shift();
    if (waiter !== undefined) {
      this.#countWaiting(-1);
      return waiter.onUpstream(connection);
    }
    connection.idleSinceMs = this.#services.clock.nowMs();
    this.#idle.push(connection);
  }

  onClosed(connection: AnyConnection): void {
    if (!this.#all.delete(connection)) return;
    this.#openedMs.delete(connection);
    this.#counts.connections--;
    this.#events.onDisconnect();
    this.onLost(connection);
    this.#dialAsNeeded();
  }
}

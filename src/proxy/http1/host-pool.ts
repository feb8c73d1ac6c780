/**
 * HTTP/1.1 connections to one endpoint: idle ones are used last in, first out; who finds none waits for the next that opens or
 * comes free.
 *
 * @module
 */
import type { Clock } from "../../base/clock.ts";
import {
  type ClientTls,
  type DialError,
  type DialOptions,
  deafHandler,
  type Network,
  type Socket,
} from "../../net/socket.ts";
import type { Failure } from "../failure.ts";
import type { Pool, Waiter } from "../upstream.ts";
import { ClientConnection, type ConnectionOwner } from "./client-connection.ts";

/** Counts that the circuit breakers of a cluster look at, and the pool keeps. */
export interface ConnectionCounts {
  connections: number;
  pending: number;
}

export interface PoolSettings {
  readonly address: string;
  readonly port: number;
  readonly path?: string;
  /** Asked at each dial, so that a rotated certificate is used at once. Undefined: plaintext. Throws when it is not there yet. */
  readonly tls: (() => ClientTls) | undefined;
  readonly connectTimeoutMs: number;
  /** 0: no limit. */
  readonly maxRequestsPerConnection: number;
  readonly maxConnections: number;
  readonly idleTimeoutMs: number;
  /** Why no connection can be had, whatever the endpoint says. */
  readonly refusal?: string;
}

/** What a pool reports to its cluster's statistics. */
export interface PoolEvents {
  onConnect(): void;
  onConnectFailure(error: DialError): void;
  onDisconnect(): void;
  /** So many more wait for a connection, or fewer. */
  onWaiting(by: number): void;
  /** A connection was wanted and may not be opened. */
  onOverflow(): void;
}

export class HostPool implements ConnectionOwner, Pool {
  readonly #network: Network;
  readonly #clock: Clock;
  readonly #settings: PoolSettings;
  readonly #counts: ConnectionCounts;
  readonly #events: PoolEvents;
  readonly #idle: ClientConnection[] = [];
  readonly #all = new Set<ClientConnection>();
  readonly #waiting: Waiter[] = [];
  #connecting = 0;
  #retired = false;

  constructor(network: Network, clock: Clock, settings: PoolSettings, counts: ConnectionCounts, events: PoolEvents) {
    this.#network = network;
    this.#clock = clock;
    this.#settings = settings;
    this.#counts = counts;
    this.#events = events;
  }

  acquire(waiter: Waiter): void {
    const { refusal } = this.#settings;
    if (refusal !== undefined)
      return waiter.onNoConnection({
        kind: "upstreamProtocolError",
        details: refusal,
        requestSent: false,
        answered: false,
      });
    const connection = this.#idle.pop();
    if (connection !== undefined) return waiter.onUpstream(connection);
    this.#waiting.push(waiter);
    this.#countWaiting(1);
    this.#dialAsNeeded();
    if (this.#connecting < this.#waiting.length) this.#events.onOverflow();
  }

  get hasRoom(): boolean {
    return this.#idle.length > 0;
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
    for (const connection of this.#all) connection.retired = true;
    for (const connection of this.#idle.splice(0)) connection.destroy();
  }

  /** Closes what has been idle for too long. Called about once a second. */
  sweep(nowMs: number): void {
    while (this.#idle[0] !== undefined && nowMs - this.#idle[0].idleSinceMs > this.#settings.idleTimeoutMs)
      (this.#idle.shift() as ClientConnection).destroy();
  }

  #dialAsNeeded(): void {
    const { maxConnections } = this.#settings;
    while (
      this.#connecting < this.#waiting.length &&
      (this.#counts.connections < maxConnections || this.#all.size + this.#connecting === 0)
    )
      this.#dial();
  }

  #dial(): void {
    const { address, port, path, tls, connectTimeoutMs } = this.#settings;
    let options: DialOptions;
    try {
      options = {
        address,
        port,
        connectTimeoutMs,
        ...(path === undefined ? {} : { path }),
        ...(tls === undefined ? {} : { tls: tls() }),
      };
    } catch (cause) {
      return this.#failWaiters({
        kind: "upstreamTlsFailure",
        details: messageOf(cause),
        requestSent: false,
        answered: false,
      });
    }
    this.#connecting++;
    this.#counts.connections++;
    this.#network.dial(options, this.#opened, this.#failed);
  }

  readonly #opened = (socket: Socket): void => {
    this.#connecting--;
    this.#events.onConnect();
    if (this.#retired && this.#waiting.length === 0) {
      this.#counts.connections--;
      this.#events.onDisconnect();
      socket.handler = deafHandler;
      return socket.destroy();
    }
    const connection = new ClientConnection(socket, this);
    connection.retired = this.#retired;
    this.#all.add(connection);
    this.#release(connection);
  };

  readonly #failed = (error: DialError): void => {
    this.#connecting--;
    this.#counts.connections--;
    this.#events.onConnectFailure(error);
    this.#failWaiters({ kind: failureKindOf(error), details: error.message, requestSent: false, answered: false });
  };

  /** Takes out a connection that is on its way out: nobody may get it any more. */
  onLost(connection: ClientConnection): void {
    const at = this.#idle.indexOf(connection);
    if (at >= 0) this.#idle.splice(at, 1);
  }

  /** As many waiters fail as have no connection under way any more. */
  #failWaiters(failure: Failure): void {
    const lost = Math.max(this.#waiting.length - this.#connecting, 0);
    for (const waiter of this.#waiting.splice(0, lost)) {
      this.#countWaiting(-1);
      waiter.onNoConnection(failure);
    }
  }

  onIdle(connection: ClientConnection): void {
    const limit = this.#settings.maxRequestsPerConnection;
    if (limit > 0 && connection.requests >= limit) return connection.destroy();
    this.#release(connection);
  }

  #release(connection: ClientConnection): void {
    const waiter = this.#waiting.shift();
    if (waiter !== undefined) {
      this.#countWaiting(-1);
      return waiter.onUpstream(connection);
    }
    connection.idleSinceMs = this.#clock.nowMs();
    this.#idle.push(connection);
  }

  onClosed(connection: ClientConnection): void {
    if (!this.#all.delete(connection)) return;
    this.#counts.connections--;
    this.#events.onDisconnect();
    this.onLost(connection);
    this.#dialAsNeeded();
  }
}

function failureKindOf(error: DialError): "upstreamConnectTimeout" | "upstreamTlsFailure" | "upstreamConnectFailure" {
  if (error.kind === "timeout") return "upstreamConnectTimeout";
  return error.kind === "tls" ? "upstreamTlsFailure" : "upstreamConnectFailure";
}

const messageOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause));

/**
 * One session of a UDP proxy: a client's datagrams go to one endpoint over a socket of their own, whose answers go back.
 *
 * @module
 */
import { formatAddress } from "../../base/ip-address.ts";
import type { Clock, Timer } from "../../base/clock.ts";
import type { Endpoint } from "../../engine/cluster/endpoint.ts";
import { FAILURES, type FailureKind } from "../../engine/failures.ts";
import type { CompiledUdpProxy } from "../../engine/listener/udp-proxy.ts";
import type { DatagramHandler, DatagramNetwork, DatagramSocket } from "../../net/datagrams.ts";
import type { SocketAddress } from "../../net/socket.ts";
import type { AccessLog } from "../../telemetry/access-log.ts";
import type { UdpStats } from "../../telemetry/envoy-stats.ts";
import type { ClusterRuntime } from "../cluster-runtime.ts";
import { UdpRecord } from "./udp-record.ts";

/** What the sessions of a proxy share. */
export interface SessionContext {
  readonly proxy: CompiledUdpProxy;
  readonly clock: Clock;
  readonly datagrams: DatagramNetwork;
  readonly stats: UdpStats["stats"];
  readonly accessLogs: readonly AccessLog[];
}

export interface SessionHost {
  /** Sends to a client. False: it was not taken. */
  reply(bytes: Uint8Array, client: SocketAddress): boolean;
  /** Once. */
  onEnded(session: UdpSession): void;
}

export class UdpSession extends UdpRecord implements DatagramHandler {
  readonly key: string;
  readonly #context: SessionContext;
  readonly #host: SessionHost;
  readonly #startMs: number;
  #socket: DatagramSocket | undefined;
  #idleMs: number;
  #lastActiveMs: number;
  #timer: Timer | undefined;
  #isOver = false;

  constructor(
    key: string,
    context: SessionContext,
    host: SessionHost,
    ends: { readonly client: SocketAddress; readonly local: SocketAddress },
    cluster: ClusterRuntime,
    endpoint: Endpoint,
  ) {
    super(ends.client, ends.local, cluster, endpoint, context.clock.wallMs());
    this.key = key;
    this.#context = context;
    this.#host = host;
    this.#startMs = context.clock.nowMs();
    this.#lastActiveMs = this.#startMs;
    this.#idleMs = context.proxy.idleTimeoutMs;
  }

  /** @throws {Error} When there is no socket to be had: nothing has begun. */
  open(): void {
    const { datagrams, stats } = this.#context;
    const { address, port } = this.endpoint;
    this.#socket = datagrams.connect({ address, port }, this);
    this.cluster.sessions.begin();
    stats.sessTotal.add(1);
    stats.sessActive.add(1);
    this.#await();
  }

  get upstreamLocalAddress(): string | undefined {
    return this.#socket && formatAddress(this.#socket.local);
  }

  /** In place of {@link open}: as in Envoy it counts, and has its line of the log. */
  refuse(kind: FailureKind): void {
    const { accessLogs, stats } = this.#context;
    this.responseFlags = FAILURES[kind].flag;
    stats.sessTotal.add(1);
    for (const log of accessLogs) log.record(this);
  }

  /** A datagram of the client. */
  forward(bytes: Uint8Array): void {
    const { stats } = this.#context;
    const { length } = bytes;
    this.#touch();
    this.bytesReceived += length;
    stats.sessRxDatagrams.add(1);
    stats.sessRxBytes.add(length);
    const { sessions } = this.cluster;
    if (this.#socket?.send(bytes) !== true) return sessions.stats.txErrors.add(1);
    sessions.stats.txDatagrams.add(1);
    this.cluster.stats.stats.cxTxBytesTotal.add(length);
  }

  /** An answer. */
  onDatagram(bytes: Uint8Array): void {
    const { proxy, stats } = this.#context;
    const { length } = bytes;
    const { sessions } = this.cluster;
    if (length > proxy.maxDatagramBytes) return sessions.stats.rxDatagramsDropped.add(1);
    this.#touch();
    sessions.stats.rxDatagrams.add(1);
    this.cluster.stats.stats.cxRxBytesTotal.add(length);
    if (!this.#host.reply(bytes, this.client)) return stats.sessTxErrors.add(1);
    this.bytesSent += length;
    stats.sessTxDatagrams.add(1);
    stats.sessTxBytes.add(length);
  }

  /** Nobody listens there, as a rule. As in Envoy the session goes on: somebody may, soon. */
  onError(): void {
    this.cluster.sessions.stats.rxErrors.add(1);
  }

  #touch(): void {
    this.#lastActiveMs = this.#context.clock.nowMs();
  }

  /** One timer, however many datagrams go by. */
  #await(): void {
    const { clock, stats } = this.#context;
    const leftMs = this.#lastActiveMs + this.#idleMs - clock.nowMs();
    this.#timer = clock.after(Math.max(leftMs, 0), () => {
      if (clock.nowMs() - this.#lastActiveMs < this.#idleMs) return this.#await();
      if (this.#idleMs === this.#context.proxy.idleTimeoutMs) stats.idleTimeout.add(1);
      this.end();
    });
  }

  /** Ends it once it has been quiet for so long. */
  hurry(quietMs: number): void {
    if (this.#isOver || quietMs >= this.#idleMs) return;
    this.#idleMs = quietMs;
    this.#timer?.cancel();
    this.#await();
  }

  end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#timer?.cancel();
    this.#socket?.close();
    const { accessLogs, clock, stats } = this.#context;
    this.durationMs = Math.round(clock.nowMs() - this.#startMs);
    stats.sessActive.add(-1);
    for (const log of accessLogs) log.record(this);
    this.#host.onEnded(this);
    this.cluster.sessions.end();
  }
}

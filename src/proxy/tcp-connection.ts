/**
 * The life of one connection of a TCP proxy: it gets one to an endpoint, the two are joined, and what became of it is told.
 *
 * Differs from Envoy: idle connections and those that are too old are looked for once a second; an endpoint is not called
 * before the client has finished TLS and is let in; it may have been called ahead (`dial-ahead.ts`).
 *
 * @module
 */
import type { Endpoint } from "../engine/cluster/endpoint.ts";
import type { FailureKind } from "../engine/failures.ts";
import type { DialError, Socket, SocketHandler } from "../net/socket.ts";
import { deafHandler } from "../net/socket.ts";
import type { ClusterRuntime } from "./cluster-runtime.ts";
import { ConnectHandshake } from "./connect-handshake.ts";
import type { DialAhead } from "./dial-ahead.ts";
import { failureKindOf } from "./host-dialer.ts";
import type { TcpContext } from "./tcp-chain.ts";
import type { MeteredConnection } from "./tcp-metrics.ts";
import { TcpRecord } from "./tcp-record.ts";
import { type Greeting, joinSockets, type Tunnel } from "./tcp-tunnel.ts";

const NO_BYTES: readonly Uint8Array[] = [];

function leave(upstream: Socket, closed: () => void): void {
  upstream.handler = { ...deafHandler, onClose: closed };
  upstream.destroy();
}

export class TcpConnection extends TcpRecord implements SocketHandler, MeteredConnection {
  readonly #context: TcpContext;
  readonly #onClosed: (connection: TcpConnection) => void;
  /** What the client sent before there was somebody to send it to: no more than was under way when it was paused. */
  #early: readonly Uint8Array[] = NO_BYTES;
  #hasEnded = false;
  #isOver = false;
  #isLeaving = false;
  #tunnel: Tunnel | undefined;
  /** While a proxy before the endpoint has not answered. */
  #handshake: ConnectHandshake | undefined;
  #active: boolean;
  #lastActiveMs: number;
  #told = { receivedBytes: 0, sentBytes: 0 };

  /**
   * @param sni The server name of a client whose TLS is passed through, or was ended.
   * @param onClosed Called once, when both connections are closed and all is told.
   */
  constructor(
    context: TcpContext,
    socket: Socket,
    sni: string | undefined,
    onClosed: (connection: TcpConnection) => void,
  ) {
    super(socket, sni, context.clock.wallMs(), context.clock.nowMs());
    this.#context = context;
    this.#onClosed = onClosed;
    this.#lastActiveMs = this.startMs;
    this.#active = false;
  }

  /** What its metrics look at. */
  get metered(): MeteredConnection["metered"] {
    return { cluster: this.cluster?.compiled, endpoint: this.endpoint, upstream: this.upstream };
  }

  get downstreamLocalUriSan(): string | undefined {
    return this.downstream.secure ? this.#context.localSpiffeId() : undefined;
  }

  /**
   * @param first What the client has sent already.
   * @param ahead A connection to an endpoint that this one is to use.
   */
  open(first: Uint8Array, ahead: DialAhead | undefined): void {
    const { clusters, proxy, random, stats } = this.#context;
    stats.cxTotal.add(1);
    if (first.length > 0) this.#early = [first];
    // What else it sends stays in the kernel until somebody takes it.
    this.downstream.pause();
    this.downstream.handler = this;
    if (ahead !== undefined) return this.#takeOver(ahead);
    this.cluster = clusters.get(proxy.clusterFor(random, this.requestedServerName));
    if (this.cluster === undefined) {
      stats.cxNoRoute.add(1);
      return this.#fail("noCluster");
    }
    this.#connect(this.cluster);
  }

  /** Closes a connection that may not pass. */
  refuse(details: string): void {
    this.#context.stats.cxTotal.add(1);
    this.downstream.handler = this;
    this.connectionTerminationDetails = details;
    this.abort();
  }

  /** It is the first attempt, whenever it was made. */
  #takeOver(ahead: DialAhead): void {
    const { cluster, endpoint } = ahead;
    this.cluster = cluster;
    this.endpoint = endpoint;
    this.upstreamRequestAttemptCount++;
    ahead.take({
      onOpen: (socket, closed, greeting) => this.#connected(socket, closed, greeting),
      onFail: (error) => this.#notConnected(cluster, endpoint, error),
    });
  }

  #connect(cluster: ClusterRuntime): void {
    if (!cluster.admission.mayConnect()) return this.#fail("upstreamOverflow");
    if (this.upstreamRequestAttemptCount >= this.#context.proxy.maxConnectAttempts) {
      cluster.stats.stats.cxConnectAttemptsExceeded.add(1);
      return this.#fail("retryLimit");
    }
    const { proxy, random } = this.#context;
    const hash = cluster.hashes ? proxy.hashOf?.(this.downstream.remote.address) : undefined;
    const endpoint = cluster.pick(random, undefined, 1, hash, undefined, this.downstream.originalDestination);
    if (endpoint === undefined) return this.#fail("noHealthyUpstream");
    this.upstreamRequestAttemptCount++;
    this.endpoint = endpoint;
    cluster.dial(
      endpoint,
      this.downstream,
      undefined,
      (socket, closed) => {
        if (proxy.tunnelTo === undefined) this.#connected(socket, closed);
        else this.#askForWay(proxy.tunnelTo, cluster, endpoint, socket, closed);
      },
      (error) => this.#notConnected(cluster, endpoint, error),
    );
  }

  #askForWay(to: string, cluster: ClusterRuntime, endpoint: Endpoint, socket: Socket, closed: () => void): void {
    if (this.#isOver) return leave(socket, closed);
    const endMs = this.#context.clock.nowMs() + cluster.compiled.connectTimeoutMs;
    this.#handshake = new ConnectHandshake(socket, to, endMs, {
      onOpen: (greeting) => {
        this.#handshake = undefined;
        this.#connected(socket, closed, greeting);
      },
      onRefused: (error) => {
        this.#handshake = undefined;
        this.#notConnected(cluster, endpoint, error);
      },
      onClosed: closed,
    });
    this.#handshake.begin();
  }

  #notConnected(cluster: ClusterRuntime, endpoint: Endpoint, error: DialError): void {
    const { message: details } = error;
    const found = failureKindOf(error);
    const kind = found === "upstreamTlsFailure" ? "upstreamConnectFailure" : found;
    cluster.onFailure(endpoint, { kind, details, requestSent: false, answered: false });
    if (this.#isOver) return;
    this.flag(kind);
    this.upstreamTransportFailureReason = details;
    this.#connect(cluster);
  }

  #connected(upstream: Socket, closed: () => void, greeting?: Greeting): void {
    if (this.#isOver) return leave(upstream, closed);
    this.upstream = upstream;
    this.responseFlags = "";
    this.upstreamTransportFailureReason = undefined;
    const early = this.#early;
    this.#early = NO_BYTES;
    this.#context.metrics.opened(this);
    this.#tunnel = joinSockets(
      this.downstream,
      upstream,
      early,
      this.#hasEnded,
      greeting,
      this.#context.round,
      (tunnel) => {
        closed();
        if (tunnel.upstreamWasReset) this.flag("upstreamRemoteReset");
        this.#over();
      },
    );
  }

  #fail(kind: FailureKind): void {
    this.flag(kind);
    this.abort();
  }

  // While there is no endpoint.

  onData(chunk: Uint8Array): void {
    this.#early = [...this.#early, chunk];
  }

  onDrain(): void {}

  onEnd(): void {
    this.#hasEnded = true;
  }

  onClose(): void {
    this.#over();
  }

  /** Tells what has gone by, and closes what is idle or too old. Called about once a second. */
  sweep(nowMs: number): void {
    if (this.#isOver) return;
    if (this.#isLeaving) return this.#destroy();
    this.#handshake?.sweep(nowMs);
    this.#tell();
    const { proxy, stats } = this.#context;
    if (this.#active || this.#tunnel === undefined) this.#lastActiveMs = nowMs;
    this.#active = false;
    if (nowMs - this.startMs >= proxy.maxDurationMs) {
      stats.maxDuration.add(1);
      this.flag("connectionTooOld");
      return this.abort();
    }
    if (nowMs - this.#lastActiveMs < proxy.idleTimeoutMs) return;
    stats.idleTimeout.add(1);
    this.abort();
  }

  /** Closes both connections; what waits for a slow reader is lost. */
  abort(): void {
    if (this.#isLeaving) return;
    this.#isLeaving = true;
    if (this.#tunnel === undefined) this.downstream.close();
    else this.#tunnel.close();
  }

  /** The other side of TLS has not answered the goodbye. */
  #destroy(): void {
    if (this.#tunnel === undefined) this.downstream.destroy();
    else this.#tunnel.destroy();
  }

  /** Adds what has gone by since the last time to the statistics. */
  #tell(): void {
    const tunnel = this.#tunnel;
    if (tunnel === undefined) return;
    const { receivedBytes, sentBytes } = tunnel;
    const [received, sent] = [receivedBytes - this.#told.receivedBytes, sentBytes - this.#told.sentBytes];
    if (received === 0 && sent === 0) return;
    this.#active = true;
    this.#told = { receivedBytes, sentBytes };
    const { metrics, stats } = this.#context;
    stats.cxRxBytesTotal.add(received);
    stats.cxTxBytesTotal.add(sent);
    const cluster = this.cluster?.stats.stats;
    cluster?.cxTxBytesTotal.add(received);
    cluster?.cxRxBytesTotal.add(sent);
    metrics.bytes(this, received, sent);
  }

  #over(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#handshake?.cancel();
    this.#early = NO_BYTES;
    this.#tell();
    const { accessLogs, clock, metrics } = this.#context;
    this.bytesReceived = this.#told.receivedBytes;
    this.bytesSent = this.#told.sentBytes;
    this.durationMs = Math.round(clock.nowMs() - this.startMs);
    metrics.closed(this);
    for (const log of accessLogs) log.record(this);
    this.#onClosed(this);
  }
}

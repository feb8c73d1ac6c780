/**
 * A TCP proxy filter at work: each connection gets one of its own to an endpoint of the cluster.
 *
 * @module
 */
import type { Random } from "../base/random.ts";
import { type DialError, deafHandler, type Network, type Socket } from "../net/socket.ts";
import type { IstioMetrics, TcpSeries } from "../telemetry/istio-metrics.ts";
import type { ClusterRuntime } from "./cluster-runtime.ts";
import { parsePeer } from "./peer-header.ts";
import { joinSockets } from "./tcp-tunnel.ts";
import { serviceOf, type TrafficSide } from "./traffic-recorder.ts";

export interface TcpChainOptions {
  readonly network: Network;
  readonly random: Random;
  readonly clusters: ReadonlyMap<string, ClusterRuntime>;
  readonly pickCluster: (random: Random) => string;
  readonly maxConnectAttempts: number;
  readonly metrics: IstioMetrics;
  readonly side: TrafficSide;
}

/** A connection to an endpoint, and what to call when it has closed. */
class Upstream {
  readonly socket: Socket;
  readonly closed: () => void;

  constructor(socket: Socket, closed: () => void) {
    this.socket = socket;
    this.closed = closed;
  }

  /** Nobody wants it any more. */
  drop(): void {
    this.socket.handler = { ...deafHandler, onClose: this.closed };
    this.socket.destroy();
  }
}

export class TcpChain {
  readonly #options: TcpChainOptions;

  constructor(options: TcpChainOptions) {
    this.#options = options;
  }

  serve(socket: Socket, first: Uint8Array | undefined, onClosed: () => void): void {
    const { clusters, pickCluster, random } = this.#options;
    const cluster = clusters.get(pickCluster(random));
    if (cluster === undefined) {
      socket.destroy();
      return onClosed();
    }
    // Bytes that come before the endpoint is connected stay in the kernel, but for what TLS has decrypted already.
    socket.pause();
    let early = first;
    let gone = false;
    let ended = false;
    socket.handler = {
      ...deafHandler,
      onData: (chunk) => void (early = early === undefined ? chunk : Buffer.concat([early, chunk])),
      onEnd: () => void (ended = true),
      onClose: () => {
        gone = true;
        onClosed();
      },
    };
    this.#connect(cluster, 1, (upstream) => {
      if (gone) return upstream?.drop();
      if (upstream === undefined) return socket.destroy();
      this.#join(socket, upstream, early, cluster, onClosed);
      if (ended) socket.handler.onEnd();
    });
  }

  #connect(cluster: ClusterRuntime, attempt: number, done: (upstream: Upstream | undefined) => void): void {
    const endpoint = cluster.pick(this.#options.random, undefined, 1);
    if (endpoint === undefined) return done(undefined);
    const failed = (error: DialError): void => {
      cluster.onFailure(endpoint, {
        kind: "upstreamConnectFailure",
        details: error.message,
        requestSent: false,
        answered: false,
      });
      if (attempt >= this.#options.maxConnectAttempts) return done(undefined);
      this.#connect(cluster, attempt + 1, done);
    };
    cluster.dial(endpoint, (socket, closed) => done(new Upstream(socket, closed)), failed);
  }

  #join(
    socket: Socket,
    upstream: Upstream,
    first: Uint8Array | undefined,
    cluster: ClusterRuntime,
    onClosed: () => void,
  ): void {
    const series = this.#series(socket, cluster);
    series.opened.add(1);
    joinSockets(socket, upstream.socket, first, (ended) => {
      upstream.closed();
      series.closed.add(1);
      series.sentBytes.add(ended.sentBytes);
      series.receivedBytes.add(ended.receivedBytes);
      onClosed();
    });
  }

  #series(socket: Socket, cluster: ClusterRuntime): TcpSeries {
    const { metrics, side } = this.#options;
    const inbound = side.direction === "inbound";
    const peer = { principal: socket.peer?.spiffeId };
    const workload = cluster.endpoints.all[0]?.metadata?.filterMetadata?.["istio"]?.["workload"];
    return metrics.tcpSeries({
      reporter: inbound ? "destination" : "source",
      source: inbound ? peer : side.self,
      destination: inbound ? side.self : typeof workload === "string" ? parsePeer(workload) : {},
      service: inbound ? (side.service ?? {}) : serviceOf(cluster.compiled.name),
      protocol: "tcp",
      mutualTls: inbound && socket.peer !== undefined,
    });
  }
}

/**
 * Istio's standard metrics for the connections of one TCP proxy: who called whom, and how much went each way.
 *
 * Source: the `istio_tcp_*` metrics of istio/proxy's `istio_stats` filter. Bytes are counted while a connection lives, and
 * a connection that never reached an endpoint is opened and closed under its response flags.
 *
 * @module
 */
import type { CompiledCluster } from "../engine/cluster/cluster.ts";
import type { Endpoint } from "../engine/cluster/endpoint.ts";
import type { Socket } from "../net/socket.ts";
import type { IstioMetrics, TcpSeries } from "../telemetry/istio-metrics.ts";
import type { TrafficLabels } from "../telemetry/istio-labels.ts";
import { parsePeer } from "./peer-header.ts";
import { serviceOf, type TrafficSide } from "./traffic-recorder.ts";

/** A connection, as its metrics see it. */
export interface MeteredConnection {
  readonly downstream: Socket;
  readonly responseFlags: string;
  readonly metered: {
    readonly cluster: CompiledCluster | undefined;
    readonly endpoint: Endpoint | undefined;
    readonly upstream: Socket | undefined;
  };
}

export class TcpMetrics {
  readonly #metrics: IstioMetrics;
  readonly #side: TrafficSide;
  /** The SPIFFE ID that is shown to an endpoint. */
  readonly #shownTo: (cluster: CompiledCluster, endpoint: Endpoint) => string | undefined;
  readonly #localSpiffeId: () => string | undefined;
  /** Of connections that have reached their endpoint. */
  readonly #series = new WeakMap<MeteredConnection, TcpSeries>();

  constructor(
    metrics: IstioMetrics,
    side: TrafficSide,
    shownTo: (cluster: CompiledCluster, endpoint: Endpoint) => string | undefined,
    localSpiffeId: () => string | undefined,
  ) {
    this.#metrics = metrics;
    this.#side = side;
    this.#shownTo = shownTo;
    this.#localSpiffeId = localSpiffeId;
  }

  /** It has reached its endpoint. */
  opened(connection: MeteredConnection): void {
    const series = this.#metrics.tcpSeries(this.#labels(connection));
    this.#series.set(connection, series);
    series.opened.add(1);
  }

  /** So many more bytes went by. @param received From the client. @param sent To it. */
  bytes(connection: MeteredConnection, received: number, sent: number): void {
    const series = this.#series.get(connection);
    series?.receivedBytes.add(received);
    series?.sentBytes.add(sent);
  }

  closed(connection: MeteredConnection): void {
    const { responseFlags } = connection;
    const known = this.#series.get(connection);
    if (known !== undefined && responseFlags === "") return known.closed.add(1);
    const series = this.#metrics.tcpSeries(this.#labels(connection), responseFlags);
    if (known === undefined) series.opened.add(1);
    series.closed.add(1);
  }

  #labels(connection: MeteredConnection): TrafficLabels {
    return this.#side.direction === "inbound" ? this.#inbound(connection) : this.#outbound(connection);
  }

  #inbound({ downstream }: MeteredConnection): TrafficLabels {
    const principal = downstream.peer?.spiffeId;
    return {
      reporter: "destination",
      source: { principal },
      destination: { ...this.#side.self, principal: downstream.secure ? this.#localSpiffeId() : undefined },
      service: this.#side.service ?? {},
      protocol: "tcp",
      mutualTls: principal !== undefined,
    };
  }

  #outbound({ metered: { cluster, endpoint, upstream } }: MeteredConnection): TrafficLabels {
    const workload = endpoint?.metadata?.filterMetadata?.["istio"]?.["workload"];
    // Who we are is told to the endpoint alone, and by it we know who it is.
    const principal = upstream?.peer?.spiffeId;
    const isShown = principal !== undefined && cluster !== undefined && endpoint !== undefined;
    return {
      reporter: "source",
      source: { ...this.#side.self, principal: isShown ? this.#shownTo(cluster, endpoint) : undefined },
      destination: { ...(typeof workload === "string" ? parsePeer(workload) : {}), principal },
      service: cluster === undefined ? {} : serviceOf(cluster.name),
      protocol: "tcp",
      mutualTls: false,
    };
  }
}

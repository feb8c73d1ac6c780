/**
 * Istio's standard metrics for the requests of one listener: who called whom, and how it went.
 *
 * @module
 */
import type { IstioMetrics, RequestSeries } from "../telemetry/istio-metrics.ts";
import type { PeerLabels, ServiceLabels } from "../telemetry/istio-labels.ts";
import type { CompiledCluster } from "../engine/cluster/cluster.ts";
import type { Endpoint } from "../engine/cluster/endpoint.ts";
import type { ExchangeRecord } from "./exchange-record.ts";
import { parsePeer } from "./peer-header.ts";

/** On which side of a call the proxy stands, and for whom. */
export interface TrafficSide {
  readonly direction: "inbound" | "outbound";
  /** The workload that this proxy stands in front of. */
  readonly self: PeerLabels;
  /** The service behind an inbound listener. */
  readonly service: ServiceLabels | undefined;
}

/** The SPIFFE ID that is shown to an endpoint. */
type ShownTo = (cluster: CompiledCluster, endpoint: Endpoint) => string | undefined;

/** Keys that live as long as what they describe: an endpoint, a connection. */
type SeriesKey = object;

export class TrafficRecorder {
  readonly #metrics: IstioMetrics;
  readonly #side: TrafficSide;
  readonly #shownTo: ShownTo;
  readonly #series = new WeakMap<SeriesKey, RequestSeries>();
  readonly #unreached = new WeakMap<SeriesKey, RequestSeries>();
  readonly #grpc = new WeakMap<SeriesKey, RequestSeries>();
  readonly #unreachedGrpc = new WeakMap<SeriesKey, RequestSeries>();

  constructor(metrics: IstioMetrics, side: TrafficSide, shownTo: ShownTo) {
    this.#metrics = metrics;
    this.#side = side;
    this.#shownTo = shownTo;
  }

  record(exchange: ExchangeRecord): void {
    const key = this.#keyOf(exchange);
    // An endpoint that was not reached has not said who it is.
    const known = this.#knownFor(exchange.head.isGrpc, exchange.upstreamSocket !== undefined);
    let series = known.get(key);
    if (series === undefined) {
      series = this.#side.direction === "inbound" ? this.#inbound(exchange) : this.#outbound(exchange);
      known.set(key, series);
    }
    series.record(
      exchange.responseCode,
      exchange.responseFlags,
      exchange.grpcStatus ?? -1,
      exchange.durationMs,
      exchange.bytesReceived,
      exchange.bytesSent,
    );
  }

  #knownFor(isGrpc: boolean, isReached: boolean): WeakMap<SeriesKey, RequestSeries> {
    if (isGrpc) return isReached ? this.#grpc : this.#unreachedGrpc;
    return isReached ? this.#series : this.#unreached;
  }

  #keyOf(exchange: ExchangeRecord): SeriesKey {
    if (this.#side.direction === "inbound") return exchange.connection;
    return exchange.endpoint ?? exchange.cluster ?? this;
  }

  #inbound(exchange: ExchangeRecord): RequestSeries {
    const { source, view } = exchange.connection;
    return this.#metrics.requestSeries({
      reporter: "destination",
      source: source ?? {},
      destination: { ...this.#side.self, principal: view.tls ? exchange.context.localSpiffeId() : undefined },
      service: this.#side.service ?? {},
      protocol: exchange.head.isGrpc ? "grpc" : "http",
      mutualTls: view.spiffeId !== undefined,
    });
  }

  #outbound(exchange: ExchangeRecord): RequestSeries {
    const { cluster, endpoint } = exchange;
    const workload = endpoint?.metadata?.filterMetadata?.["istio"]?.["workload"];
    const known = typeof workload === "string" ? parsePeer(workload) : {};
    // Who we are is told to the endpoint alone, and by it we know who it is.
    const principal = exchange.upstreamPeerUriSan;
    const own =
      principal === undefined || cluster === undefined || endpoint === undefined
        ? undefined
        : this.#shownTo(cluster.compiled, endpoint);
    return this.#metrics.requestSeries({
      reporter: "source",
      source: { ...this.#side.self, principal: own },
      destination: { ...known, principal },
      service: cluster === undefined ? {} : serviceOf(cluster.compiled.name),
      protocol: exchange.head.isGrpc ? "grpc" : "http",
      mutualTls: false,
    });
  }
}

/**
 * The service in Istio's name of a cluster: `outbound|9080|v1|reviews.default.svc.cluster.local`. Behind an `@`, in a proxy that
 * several workloads share, is whose cluster it is.
 */
export function serviceOf(clusterName: string): ServiceLabels {
  const host = clusterName.split("|")[3]?.replace(/@.*/, "");
  if (!host) return {};
  const [name, namespace, svc] = host.split(".");
  return svc === "svc" ? { host, name, namespace } : { host, name: host };
}

/**
 * Istio's standard metrics for the requests of one listener: who called whom, and how it went.
 *
 * @module
 */
import type { IstioMetrics, RequestSeries } from "../telemetry/istio-metrics.ts";
import type { PeerLabels, ServiceLabels } from "../telemetry/istio-labels.ts";
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

/** Keys that live as long as what they describe: an endpoint, a connection. */
type SeriesKey = object;

export class TrafficRecorder {
  readonly #metrics: IstioMetrics;
  readonly #side: TrafficSide;
  readonly #series = new WeakMap<SeriesKey, RequestSeries>();

  constructor(metrics: IstioMetrics, side: TrafficSide) {
    this.#metrics = metrics;
    this.#side = side;
  }

  record(exchange: ExchangeRecord): void {
    const key = this.#keyOf(exchange);
    let series = this.#series.get(key);
    if (series === undefined) {
      series = this.#side.direction === "inbound" ? this.#inbound(exchange) : this.#outbound(exchange);
      this.#series.set(key, series);
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
      protocol: "http",
      mutualTls: view.spiffeId !== undefined,
    });
  }

  #outbound(exchange: ExchangeRecord): RequestSeries {
    const { cluster, endpoint } = exchange;
    const workload = endpoint?.metadata?.filterMetadata?.["istio"]?.["workload"];
    return this.#metrics.requestSeries({
      reporter: "source",
      source: this.#side.self,
      destination: typeof workload === "string" ? parsePeer(workload) : {},
      service: cluster === undefined ? {} : serviceOf(cluster.compiled.name),
      protocol: "http",
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

/**
 * Istio's standard metrics, arranged so that a request costs a comparison or a map look-up and no string.
 *
 * What is constant for a listener side, route, peer and endpoint workload is resolved once by
 * {@link IstioMetrics.requestSeries}; the holder keeps the result next to those things. What differs between requests
 * (status, flags, gRPC status) picks an entry with its four series.
 *
 * Source: Istio standard metrics; `grpc_response_status` is empty where the request is not gRPC and `response_flags`
 * is `-` where there are none, as the `istio_stats` filter of istio/proxy has it.
 * Differs: gRPC statuses that gRPC does not define read `unknown`, since an upstream could make up any number.
 *
 * @module
 */
import { trafficLabels, type TrafficLabels } from "./istio-labels.ts";
import { LabelSet, type Labels } from "./labels.ts";
import type { Counter, Histogram } from "./metrics.ts";
import type { MetricDefinition, Registry } from "./registry.ts";

const REQUESTS: MetricDefinition = { name: "istio_requests_total", help: "Requests that ended" };
const DURATION: MetricDefinition = {
  name: "istio_request_duration_milliseconds",
  help: "Time from the first byte of a request to the last byte of its response",
};
const REQUEST_BYTES: MetricDefinition = { name: "istio_request_bytes", help: "Sizes of requests" };
const RESPONSE_BYTES: MetricDefinition = { name: "istio_response_bytes", help: "Sizes of responses" };
const REQUEST_MESSAGES: MetricDefinition = {
  name: "istio_request_messages_total",
  help: "gRPC messages sent by clients",
};
const RESPONSE_MESSAGES: MetricDefinition = {
  name: "istio_response_messages_total",
  help: "gRPC messages sent by servers",
};
const TCP_OPENED: MetricDefinition = { name: "istio_tcp_connections_opened_total", help: "TCP connections opened" };
const TCP_CLOSED: MetricDefinition = { name: "istio_tcp_connections_closed_total", help: "TCP connections closed" };
const TCP_SENT: MetricDefinition = { name: "istio_tcp_sent_bytes_total", help: "Bytes sent to TCP clients" };
const TCP_RECEIVED: MetricDefinition = {
  name: "istio_tcp_received_bytes_total",
  help: "Bytes received from TCP clients",
};

/** Statuses that gRPC defines are 0 to 16. */
const GRPC_STATUSES = 17;

interface Outcome {
  readonly code: number;
  readonly flags: string;
  readonly grpcStatus: number;
  readonly requests: Counter;
  readonly durationMs: Histogram;
  readonly requestBytes: Histogram;
  readonly responseBytes: Histogram;
}

/** Requests of one pair of workloads. */
export class RequestSeries {
  readonly #registry: Registry;
  readonly #labels: Labels;
  readonly #outcomes = new Map<number, Outcome[]>();
  #last: Outcome | undefined;

  constructor(registry: Registry, labels: Labels) {
    this.#registry = registry;
    this.#labels = labels;
  }

  /**
   * Counts one request.
   *
   * @param code HTTP status; 0 if none was sent.
   * @param flags Response flags with commas between; empty or `-` for none.
   * @param grpcStatus -1 where the request is not gRPC or has no status.
   */
  record(
    code: number,
    flags: string,
    grpcStatus: number,
    durationMs: number,
    requestBytes: number,
    responseBytes: number,
  ): void {
    let outcome = this.#last;
    if (outcome?.code !== code || outcome.flags !== flags || outcome.grpcStatus !== grpcStatus) {
      outcome = this.#outcome(code, flags, grpcStatus);
      this.#last = outcome;
    }
    outcome.requests.add(1);
    outcome.durationMs.observe(durationMs);
    outcome.requestBytes.observe(requestBytes);
    outcome.responseBytes.observe(responseBytes);
  }

  #outcome(code: number, flags: string, grpcStatus: number): Outcome {
    const status = grpcStatus >= -1 && grpcStatus < GRPC_STATUSES ? grpcStatus : GRPC_STATUSES;
    const key = code * 32 + status + 1;
    let sameCode = this.#outcomes.get(key);
    if (sameCode === undefined) this.#outcomes.set(key, (sameCode = []));
    let outcome = sameCode.find((known) => known.flags === flags);
    if (outcome === undefined) sameCode.push((outcome = this.#resolve(code, flags, status)));
    return outcome;
  }

  #resolve(code: number, flags: string, grpcStatus: number): Outcome {
    const labels = new LabelSet({
      ...this.#labels,
      response_code: String(code),
      response_flags: flags || "-",
      grpc_response_status: grpcLabel(grpcStatus),
    });
    const registry = this.#registry;
    return {
      code,
      flags,
      grpcStatus,
      requests: registry.counter(REQUESTS, labels),
      durationMs: registry.histogram(DURATION, labels),
      requestBytes: registry.histogram(REQUEST_BYTES, labels),
      responseBytes: registry.histogram(RESPONSE_BYTES, labels),
    };
  }
}

/** TCP connections of one pair of workloads that ended alike. */
export interface TcpSeries {
  readonly opened: Counter;
  readonly closed: Counter;
  /** To the client. */
  readonly sentBytes: Counter;
  /** From the client. */
  readonly receivedBytes: Counter;
}

/** gRPC messages of one pair of workloads. */
export interface MessageSeries {
  readonly requests: Counter;
  readonly responses: Counter;
}

export class IstioMetrics {
  readonly #registry: Registry;

  constructor(registry: Registry) {
    this.#registry = registry;
  }

  /** Costs some microseconds: keep the result, do not call it for each request. */
  requestSeries(traffic: TrafficLabels): RequestSeries {
    return new RequestSeries(this.#registry, trafficLabels(traffic));
  }

  /** As {@link requestSeries}. Counters read alike for two callers with the same labels. */
  tcpSeries(traffic: TrafficLabels, flags = ""): TcpSeries {
    const labels = new LabelSet({ ...trafficLabels(traffic), response_flags: flags || "-" });
    return {
      opened: this.#registry.counter(TCP_OPENED, labels),
      closed: this.#registry.counter(TCP_CLOSED, labels),
      sentBytes: this.#registry.counter(TCP_SENT, labels),
      receivedBytes: this.#registry.counter(TCP_RECEIVED, labels),
    };
  }

  /** As {@link requestSeries}. */
  messageSeries(traffic: TrafficLabels): MessageSeries {
    const labels = new LabelSet(trafficLabels(traffic));
    return {
      requests: this.#registry.counter(REQUEST_MESSAGES, labels),
      responses: this.#registry.counter(RESPONSE_MESSAGES, labels),
    };
  }
}

function grpcLabel(status: number): string {
  if (status < 0) return "";
  return status < GRPC_STATUSES ? String(status) : "unknown";
}

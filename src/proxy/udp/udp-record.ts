/**
 * What is known of one session of a UDP proxy, for its access log.
 *
 * Source: what an Envoy 1.40 logs. Differs: the cluster's name is told, which Envoy keeps in metadata.
 *
 * @module
 */
import { formatAddress } from "../../base/ip-address.ts";
import type { Endpoint } from "../../engine/cluster/endpoint.ts";
import type { SocketAddress } from "../../net/socket.ts";
import type { AccessRecord } from "../../telemetry/access-record.ts";
import type { ClusterRuntime } from "../cluster-runtime.ts";

export abstract class UdpRecord implements AccessRecord {
  readonly client: SocketAddress;
  readonly cluster: ClusterRuntime;
  readonly endpoint: Endpoint;
  readonly startWallMs: number;
  bytesReceived = 0;
  bytesSent = 0;
  durationMs = 0;
  readonly #local: SocketAddress;

  responseFlags = "";
  readonly responseCode = 0;
  readonly upstreamRequestAttemptCount = 0;
  readonly connectionTerminationDetails = undefined;
  readonly upstreamTransportFailureReason = undefined;
  readonly method = undefined;
  readonly path = undefined;
  readonly originalPath = undefined;
  readonly authority = undefined;
  readonly scheme = undefined;
  readonly protocol = undefined;
  readonly responseCodeDetails = undefined;
  readonly requestDurationMs = undefined;
  readonly responseDurationMs = undefined;
  readonly responseTxDurationMs = undefined;
  readonly routeName = undefined;
  readonly traceId = undefined;
  readonly grpcStatus = undefined;
  readonly requestedServerName = undefined;
  readonly downstreamPeerUriSan = undefined;
  readonly downstreamLocalUriSan = undefined;
  readonly upstreamPeerUriSan = undefined;

  constructor(
    client: SocketAddress,
    local: SocketAddress,
    cluster: ClusterRuntime,
    endpoint: Endpoint,
    startWallMs: number,
  ) {
    this.client = client;
    this.#local = local;
    this.cluster = cluster;
    this.endpoint = endpoint;
    this.startWallMs = startWallMs;
  }

  abstract readonly upstreamLocalAddress: string | undefined;

  /** Undefined where a circuit breaker keeps it from the endpoint. */
  get upstreamHost(): string | undefined {
    return this.responseFlags === "" ? this.endpoint.key : undefined;
  }

  get upstreamCluster(): string {
    return this.cluster.compiled.name;
  }

  get downstreamLocalAddress(): string {
    return formatAddress(this.#local);
  }

  get downstreamRemoteAddress(): string {
    return formatAddress(this.client);
  }

  get downstreamDirectRemoteAddress(): string {
    return formatAddress(this.client);
  }

  requestHeader(): undefined {
    return undefined;
  }

  responseHeader(): undefined {
    return undefined;
  }
}

/**
 * What is known of one connection of a TCP proxy, for its access log: fields of requests are unset, as in Envoy.
 *
 * @module
 */
import { formatAddress } from "../base/ip-address.ts";
import type { Endpoint } from "../engine/cluster/endpoint.ts";
import { FAILURES, type FailureKind } from "../engine/failures.ts";
import type { Socket } from "../net/socket.ts";
import type { AccessRecord } from "../telemetry/access-record.ts";
import type { ClusterRuntime } from "./cluster-runtime.ts";

export abstract class TcpRecord implements AccessRecord {
  readonly downstream: Socket;
  readonly startWallMs: number;
  protected readonly startMs: number;
  protected cluster: ClusterRuntime | undefined;
  protected endpoint: Endpoint | undefined;
  protected upstream: Socket | undefined;
  /** The server name of a client whose TLS is passed through. */
  readonly #sni: string | undefined;
  responseFlags = "";
  connectionTerminationDetails: string | undefined;
  upstreamTransportFailureReason: string | undefined;
  bytesReceived = 0;
  bytesSent = 0;
  durationMs = 0;
  upstreamRequestAttemptCount = 0;

  readonly method = undefined;
  readonly path = undefined;
  readonly originalPath = undefined;
  readonly authority = undefined;
  readonly scheme = undefined;
  readonly protocol = undefined;
  readonly responseCode = 0;
  readonly responseCodeDetails = undefined;
  readonly requestDurationMs = undefined;
  readonly responseDurationMs = undefined;
  readonly responseTxDurationMs = undefined;
  readonly routeName = undefined;
  readonly traceId = undefined;
  readonly grpcStatus = undefined;

  constructor(downstream: Socket, sni: string | undefined, startWallMs: number, startMs: number) {
    this.downstream = downstream;
    this.#sni = sni;
    this.startWallMs = startWallMs;
    this.startMs = startMs;
  }

  abstract readonly downstreamLocalUriSan: string | undefined;

  /** Adds a failure's response flag. As in Envoy they stand in the order in which they came about: `UF,URX`. */
  protected flag(kind: FailureKind): void {
    const { flag } = FAILURES[kind];
    if (this.responseFlags.split(",").includes(flag)) return;
    this.responseFlags = this.responseFlags === "" ? flag : `${this.responseFlags},${flag}`;
  }

  get upstreamHost(): string | undefined {
    return this.endpoint?.key;
  }

  get upstreamCluster(): string | undefined {
    return this.cluster?.compiled.name;
  }

  get upstreamLocalAddress(): string | undefined {
    return this.upstream === undefined ? undefined : formatAddress(this.upstream.local);
  }

  get downstreamLocalAddress(): string {
    return formatAddress(this.downstream.local);
  }

  get downstreamRemoteAddress(): string {
    return formatAddress(this.downstream.remote);
  }

  get downstreamDirectRemoteAddress(): string {
    return formatAddress(this.downstream.directRemote);
  }

  get requestedServerName(): string | undefined {
    return this.#sni;
  }

  get downstreamPeerUriSan(): string | undefined {
    return this.downstream.peer?.spiffeId;
  }

  get upstreamPeerUriSan(): string | undefined {
    return this.upstream?.peer?.spiffeId;
  }

  requestHeader(): undefined {
    return undefined;
  }

  responseHeader(): undefined {
    return undefined;
  }
}

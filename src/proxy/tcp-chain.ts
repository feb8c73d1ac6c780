/**
 * A TCP proxy filter at work: what all of its connections share.
 *
 * @module
 */
import type { Clock } from "../base/clock.ts";
import type { Random } from "../base/random.ts";
import type { CompiledTcpProxy } from "../engine/listener/tcp-proxy.ts";
import type { Socket } from "../net/socket.ts";
import type { AccessLog } from "../telemetry/access-log.ts";
import type { TcpStats } from "../telemetry/envoy-stats.ts";
import type { ClusterRuntime } from "./cluster-runtime.ts";
import { TcpConnection } from "./tcp-connection.ts";
import type { TcpMetrics } from "./tcp-metrics.ts";

export interface TcpContext {
  readonly proxy: CompiledTcpProxy;
  readonly clusters: ReadonlyMap<string, ClusterRuntime>;
  readonly random: Random;
  readonly clock: Clock;
  readonly stats: TcpStats["stats"];
  readonly metrics: TcpMetrics;
  readonly accessLogs: readonly AccessLog[];
  /** The SPIFFE ID that is shown to clients; undefined without TLS. */
  readonly localSpiffeId: () => string | undefined;
}

export class TcpChain {
  readonly #context: TcpContext;

  constructor(context: TcpContext) {
    this.#context = context;
  }

  /**
   * A connection that is still to be opened, or refused.
   * @param sni The server name that its client asked for.
   */
  connection(socket: Socket, sni: string | undefined, onClosed: (connection: TcpConnection) => void): TcpConnection {
    return new TcpConnection(this.#context, socket, sni, onClosed);
  }
}

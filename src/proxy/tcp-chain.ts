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
import { DialAhead } from "./dial-ahead.ts";
import { TcpConnection } from "./tcp-connection.ts";
import type { TcpMetrics } from "./tcp-metrics.ts";
import type { Turn } from "./turn.ts";

export interface TcpContext {
  readonly proxy: CompiledTcpProxy;
  readonly clusters: ReadonlyMap<string, ClusterRuntime>;
  readonly random: Random;
  readonly clock: Clock;
  readonly stats: TcpStats["stats"];
  readonly metrics: TcpMetrics;
  /** Ends when all sockets that have something to say were read. */
  readonly round: Turn;
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
   * Calls the endpoint of a client that has not spoken; undefined where there is none, or a circuit breaker is open.
   * @param onSpoken See {@link DialAhead}.
   */
  dialAhead(client: Socket, onSpoken: () => void): DialAhead | undefined {
    const { clusters, proxy, random } = this.#context;
    // A proxy would have to be asked first, and says nothing of itself.
    if (proxy.tunnelTo !== undefined) return undefined;
    const cluster = clusters.get(proxy.clusterFor(random, undefined));
    if (cluster === undefined || !cluster.admission.breakerOf("DEFAULT").mayConnect()) return undefined;
    const hash = cluster.hashes ? proxy.hashOf?.(client.remote.address) : undefined;
    const endpoint = cluster.pick(random, undefined, 1, hash, undefined, client.originalDestination);
    if (endpoint === undefined) return undefined;
    return new DialAhead(this, cluster, endpoint, client, onSpoken);
  }

  /**
   * Whether what was dialled is what a connection would dial now: configuration may have changed meanwhile.
   * @param sni The server name that the client turned out to ask for.
   */
  mayUse(ahead: DialAhead, sni: string | undefined): boolean {
    const { clusters, proxy } = this.#context;
    const { cluster } = ahead;
    const leadsThere = clusters.get(cluster.compiled.name) === cluster && !(proxy.followsSni && sni);
    return ahead.caller === this && ahead.isThere && leadsThere;
  }

  /**
   * A connection that is still to be opened, or refused.
   * @param sni The server name that its client asked for.
   */
  connection(socket: Socket, sni: string | undefined, onClosed: (connection: TcpConnection) => void): TcpConnection {
    return new TcpConnection(this.#context, socket, sni, onClosed);
  }
}

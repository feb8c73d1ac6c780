/**
 * The sessions of one configuration of a UDP proxy, by the addresses and ports of both ends.
 *
 * Source: Envoy's UDP proxy. A session leaves for another endpoint when its own is not healthy and another is; it ends with its endpoint and
 * its cluster, here when its client is heard of again, or idle. Differs: their number is bounded, since whoever
 * forges the addresses of senders opens as many as there are addresses; Envoy's bound is the cluster's circuit breaker, which holds here too.
 *
 * @module
 */
import { isHealthy } from "../../engine/cluster/endpoint-groups.ts";
import type { Endpoint } from "../../engine/cluster/endpoint.ts";
import { FAILURES, type FailureKind } from "../../engine/failures.ts";
import type { Log } from "../../base/log.ts";
import type { Random } from "../../base/random.ts";
import type { SocketAddress } from "../../net/socket.ts";
import type { ClusterRuntime } from "../cluster-runtime.ts";
import { type SessionContext, type SessionHost, UdpSession } from "./udp-session.ts";

export interface SessionsContext extends SessionContext {
  readonly clusters: ReadonlyMap<string, ClusterRuntime>;
  readonly random: Random;
  readonly log: Log;
  /** Of the listener, for the log. */
  readonly name: string;
  /** Each is a socket. */
  readonly maxSessions: number;
}

const TELL_MS = 60_000;

export class UdpSessions {
  readonly #context: SessionsContext;
  readonly #local: SocketAddress;
  readonly #sessions = new Map<string, UdpSession>();
  readonly #host: SessionHost;
  readonly #max: number;
  /** When the log was told last that there are too many. */
  #toldMs = Number.NEGATIVE_INFINITY;
  #isLeaving = false;

  constructor(context: SessionsContext, local: SocketAddress, reply: SessionHost["reply"], onEnded: () => void) {
    this.#context = context;
    this.#max = context.maxSessions;
    this.#local = local;
    this.#host = {
      reply,
      onEnded: (session) => {
        if (this.#sessions.get(session.key) === session) this.#sessions.delete(session.key);
        onEnded();
      },
    };
  }

  get size(): number {
    return this.#sessions.size;
  }

  /** A client's datagram. */
  onDatagram(bytes: Uint8Array, address: string, port: number): void {
    const { clusters, proxy } = this.#context;
    if (proxy.perPacket) return this.#spread(bytes, address, port);
    const key = `${address} ${port}`;
    const known = this.#sessions.get(key);
    if (known !== undefined && clusters.get(known.upstreamCluster) === known.cluster && staysWith(known))
      return known.forward(bytes);
    known?.end();
    if (this.#isLeaving) return;
    const cluster = this.#clusterFor(address, port);
    if (cluster === undefined) return;
    const endpoint = this.#pick(cluster, address);
    if (endpoint !== undefined) this.#begin(key, { address, port }, cluster, endpoint)?.forward(bytes);
  }

  /** Every datagram by itself (`use_per_packet_load_balancing`): a client has a session with each endpoint. */
  #spread(bytes: Uint8Array, address: string, port: number): void {
    if (this.#isLeaving) return;
    const cluster = this.#clusterFor(address, port);
    const endpoint = cluster && this.#pick(cluster, address);
    if (cluster === undefined || endpoint === undefined) return;
    const key = `${address} ${port} ${endpoint.key}`;
    const known = this.#sessions.get(key);
    if (known?.cluster === cluster && known.endpoint === endpoint) return known.forward(bytes);
    known?.end();
    this.#begin(key, { address, port }, cluster, endpoint)?.forward(bytes);
  }

  #clusterFor(sourceAddress: string, sourcePort: number): ClusterRuntime | undefined {
    const { clusters, proxy, stats } = this.#context;
    const { address: destinationAddress, port: destinationPort } = this.#local;
    const name = proxy.clusterFor({ sourceAddress, sourcePort, destinationAddress, destinationPort });
    const cluster = name === undefined ? undefined : clusters.get(name);
    if (cluster !== undefined) return cluster;
    stats.sessNoRoute.add(1);
    this.#dropped(name === undefined ? "noRoute" : "noCluster", sourceAddress, name);
    return undefined;
  }

  /** As it counts: a datagram that finds nobody is gone. */
  #pick(cluster: ClusterRuntime, address: string): Endpoint | undefined {
    const { proxy, random } = this.#context;
    const hash = cluster.hashes ? proxy.hashOf?.(address) : undefined;
    const endpoint = cluster.pick(random, undefined, 1, hash);
    if (endpoint === undefined) this.#dropped("noHealthyUpstream", address, cluster.compiled.name);
    return endpoint;
  }

  #begin(key: string, client: SocketAddress, cluster: ClusterRuntime, endpoint: Endpoint): UdpSession | undefined {
    const { name } = cluster.compiled;
    if (!this.#hasRoom()) {
      this.#dropped("udpSessionsFull", client.address, name);
      return undefined;
    }
    const session = new UdpSession(key, this.#context, this.#host, { client, local: this.#local }, cluster, endpoint);
    if (!cluster.admission.mayConnect()) {
      session.refuse("upstreamOverflow");
      return undefined;
    }
    try {
      session.open();
    } catch (cause) {
      this.#context.stats.sessOverflow.add(1);
      this.#tellFull(cause instanceof Error ? cause.message : String(cause));
      return undefined;
    }
    this.#sessions.set(key, session);
    return session;
  }

  #hasRoom(): boolean {
    if (this.#sessions.size < this.#max) return true;
    this.#context.stats.sessOverflow.add(1);
    this.#tellFull(`it has ${this.#max} sessions, which is the most; each ends when it is idle`);
    return false;
  }

  /** Now and then: who floods a port must not flood the log. */
  #tellFull(reason: string): void {
    const { clock, log, name } = this.#context;
    if (clock.nowMs() - this.#toldMs < TELL_MS) return;
    this.#toldMs = clock.nowMs();
    log.warn("datagrams of new clients are dropped", { listener: name, reason });
  }

  #dropped(kind: FailureKind, remote: string, cluster: string | undefined): void {
    const { details, flag } = FAILURES[kind];
    this.#context.log.debug("datagram dropped", { listener: this.#context.name, remote, cluster, flag, details });
  }

  /** None comes any more: each ends once it has been quiet for so long. */
  leave(quietMs: number): void {
    this.#isLeaving = true;
    for (const session of this.#sessions.values()) session.hurry(quietMs);
  }

  end(): void {
    for (const session of this.#sessions.values()) session.end();
  }
}

/** As long as its endpoint is there and serves, or no other one does. */
function staysWith({ cluster, endpoint }: UdpSession): boolean {
  const { endpoints } = cluster;
  return endpoints.get(endpoint.key) === endpoint && (isHealthy(endpoint) || !endpoints.all.some(isHealthy));
}

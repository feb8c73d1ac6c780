/**
 * Pools for endpoints whose connections are not for everybody. One that is told of a client by a PROXY protocol header speaks
 * for one client and one address that it meant to reach; one of TLS to the server that requests name is for that name. Each has a
 * pool of its own. As Envoy keys its pools.
 *
 * @module
 */
import type { Endpoint } from "../engine/cluster/endpoint.ts";
import type { CompiledCluster } from "../engine/cluster/cluster.ts";
import type { Priority } from "../engine/cluster/limits.ts";
import { portStart } from "../engine/http/authority.ts";
import type { PeerView } from "../engine/request.ts";
import type { HostPool, PoolSettings } from "./host-pool.ts";

/** Whom a connection speaks for, and where it was meant to go. */
export type ClientAddresses = Pick<PeerView, "remote" | "local">;

/** What the connections of a pool are for, where it is not for everybody. */
export interface Purpose {
  readonly client: ClientAddresses | undefined;
  /** The server's name, without a port. */
  readonly host: string | undefined;
}

export const ANY_PURPOSE: Purpose = { client: undefined, host: undefined };

/**
 * What connections to `endpoint` for a request are for.
 * @param authority Of the request; undefined where there is none.
 */
export function purposeOf(
  cluster: CompiledCluster,
  endpoint: Endpoint,
  client: ClientAddresses,
  authority: string | undefined,
): Purpose {
  const tellsClient = cluster.usesProxyProtocol && cluster.proxyProtocolOf(endpoint) !== undefined;
  const namesServer =
    authority !== undefined && cluster.http.serverByHost !== undefined && cluster.tlsOf(endpoint) !== undefined;
  if (!tellsClient && !namesServer) return ANY_PURPOSE;
  return { client: tellsClient ? client : undefined, host: namesServer ? hostOf(authority) : undefined };
}

/** Without its port. */
function hostOf(authority: string): string {
  const at = portStart(authority);
  return (at < 0 ? authority : authority.slice(0, at)).toLowerCase();
}

function keyOf({ client, host = "" }: Purpose, protocol: PoolSettings["protocol"], priority: string): string {
  if (client === undefined) return `${host} ${protocol} ${priority}`;
  const { local, remote } = client;
  return `${host} ${protocol} ${priority} ${remote.address} ${remote.port} ${local.address} ${local.port}`;
}

export class ClientPools {
  readonly #pools = new Map<Endpoint, Map<string, HostPool>>();

  of(
    endpoint: Endpoint,
    purpose: Purpose,
    protocol: PoolSettings["protocol"],
    priority: Priority,
    make: () => HostPool,
  ): HostPool {
    const key = keyOf(purpose, protocol, priority);
    let pools = this.#pools.get(endpoint);
    if (pools === undefined) this.#pools.set(endpoint, (pools = new Map<string, HostPool>()));
    let pool = pools.get(key);
    if (pool === undefined) pools.set(key, (pool = make()));
    return pool;
  }

  /** Nothing new begins on connections to it. */
  drop(endpoint: Endpoint): void {
    for (const pool of this.#pools.get(endpoint)?.values() ?? []) pool.retire();
    this.#pools.delete(endpoint);
  }

  dropAll(): void {
    for (const endpoint of this.#pools.keys()) this.drop(endpoint);
  }

  /** As {@link HostPool.sweep}; pools without a connection are forgotten, since their clients seldom come again. */
  sweep(nowMs: number): void {
    for (const [endpoint, pools] of this.#pools) {
      for (const [key, pool] of pools) {
        pool.sweep(nowMs);
        if (pool.isEmpty) pools.delete(key);
      }
      if (pools.size === 0) this.#pools.delete(endpoint);
    }
  }
}

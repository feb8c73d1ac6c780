/**
 * Pools for endpoints that are told of a client by a PROXY protocol header: a connection speaks for one client and one
 * address that it meant to reach, so each pair has a pool of its own. As Envoy keys its pools.
 *
 * @module
 */
import type { Endpoint } from "../engine/cluster/endpoint.ts";
import type { PeerView } from "../engine/request.ts";
import type { HostPool, PoolSettings } from "./host-pool.ts";

/** Whom a connection speaks for, and where it was meant to go. */
export type ClientAddresses = Pick<PeerView, "remote" | "local">;

export class ClientPools {
  readonly #pools = new Map<Endpoint, Map<string, HostPool>>();

  of(
    endpoint: Endpoint,
    { local, remote }: ClientAddresses,
    protocol: PoolSettings["protocol"],
    make: () => HostPool,
  ): HostPool {
    const key = `${remote.address} ${remote.port} ${local.address} ${local.port} ${protocol}`;
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

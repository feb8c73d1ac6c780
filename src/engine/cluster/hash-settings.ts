/**
 * `ring_hash_lb_config`, `maglev_lb_config` and `consistent_hashing_lb_config` of a cluster.
 *
 * Source: `envoy/config/cluster/v3/cluster.proto`, limits and defaults as there.
 *
 * Not here: `hash_balance_factor` (Envoy spreads what is above the bound in a random order of its own generator, which
 * cannot be had exactly) and `MURMUR_HASH_2`.
 *
 * @module
 */
import type { Cluster } from "../../xds/proto/cluster.ts";
import { CompileError, refuseOthers } from "../compile-error.ts";
import type { HashPolicy } from "./hash-balancer.ts";

const RING = new Set(["minimumRingSize", "maximumRingSize", "hashFunction"]);
const MAX_RING_SIZE = 8_388_608;
const DEFAULT_MIN_RING_SIZE = 1024;
const DEFAULT_TABLE_SIZE = 65_537;
const MAX_TABLE_SIZE = 5_000_011;

/** @throws {CompileError} */
export function compileRingHash(cluster: Cluster): HashPolicy {
  const ring = cluster.ringHashLbConfig ?? {};
  const at = "ring_hash_lb_config";
  refuseOthers(ring, at, RING);
  const { hashFunction = "XX_HASH" } = ring;
  if (hashFunction !== "XX_HASH")
    throw new CompileError(`${at}.hash_function`, `${hashFunction} is not supported; use XX_HASH`);
  const minSize = Number(ring.minimumRingSize ?? DEFAULT_MIN_RING_SIZE);
  const maxSize = Number(ring.maximumRingSize ?? MAX_RING_SIZE);
  for (const [field, size] of [["minimum_ring_size", minSize] as const, ["maximum_ring_size", maxSize] as const])
    if (size > MAX_RING_SIZE)
      throw new CompileError(`${at}.${field}`, `must be at most ${MAX_RING_SIZE}, found ${size}`);
  if (minSize > maxSize)
    throw new CompileError(`${at}.minimum_ring_size`, `must be at most the maximum of ${maxSize}, found ${minSize}`);
  if (maxSize < 1) throw new CompileError(`${at}.maximum_ring_size`, "must be at least 1, found 0");
  return { t: "ringHash", minSize, maxSize, useHostname: useHostname(cluster) };
}

/** @throws {CompileError} */
export function compileMaglev(cluster: Cluster): HashPolicy {
  const maglev = cluster.maglevLbConfig ?? {};
  refuseOthers(maglev, "maglev_lb_config", new Set(["tableSize"]));
  const tableSize = Number(maglev.tableSize ?? DEFAULT_TABLE_SIZE);
  if (tableSize > MAX_TABLE_SIZE || !isPrime(tableSize))
    throw new CompileError(
      "maglev_lb_config.table_size",
      `must be a prime number of at most ${MAX_TABLE_SIZE}, found ${tableSize}`,
    );
  return { t: "maglev", tableSize, useHostname: useHostname(cluster) };
}

function useHostname({ commonLbConfig, type = "STATIC" }: Cluster): boolean {
  const config = commonLbConfig?.consistentHashingLbConfig ?? {};
  const at = "common_lb_config.consistent_hashing_lb_config";
  if (config.hashBalanceFactor)
    throw new CompileError(
      `${at}.hash_balance_factor`,
      "is not supported: its overflow would not go where Envoy's goes; leave it out, and limit requests with circuit_breakers",
    );
  refuseOthers(config, at, new Set(["useHostnameForHashing", "hashBalanceFactor"]));
  const { useHostnameForHashing = false } = config;
  if (useHostnameForHashing && type !== "STRICT_DNS")
    throw new CompileError(`${at}.use_hostname_for_hashing`, `is for clusters of type STRICT_DNS, found ${type}`);
  return useHostnameForHashing;
}

function isPrime(n: number): boolean {
  if (n < 2) return false;
  for (let i = 2; i * i <= n; i += 1) if (n % i === 0) return false;
  return true;
}

/**
 * Settings of ring hash and Maglev, in whichever message they come.
 *
 * Source: `envoy/config/cluster/v3/cluster.proto`, limits and defaults as there.
 *
 * Not here: `MURMUR_HASH_2`.
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

interface RingMessage {
  readonly hashFunction?: string | undefined;
  readonly minimumRingSize?: bigint | number | undefined;
  readonly maximumRingSize?: bigint | number | undefined;
}

/** What both have in common. */
export type HashCommon = Pick<HashPolicy, "useHostname" | "balanceFactor" | "localityWeighted">;

/** @throws {CompileError} */
export function compileRingHash(ring: RingMessage, common: HashCommon, at: string): HashPolicy {
  refuseOthers(ring, at, RING);
  const { hashFunction = "XX_HASH" } = ring;
  if (hashFunction !== "XX_HASH" && hashFunction !== "DEFAULT_HASH")
    throw new CompileError(`${at}.hash_function`, `${hashFunction} is not supported; use XX_HASH`);
  const minSize = Number(ring.minimumRingSize ?? DEFAULT_MIN_RING_SIZE);
  const maxSize = Number(ring.maximumRingSize ?? MAX_RING_SIZE);
  for (const [field, size] of [["minimum_ring_size", minSize] as const, ["maximum_ring_size", maxSize] as const])
    if (size > MAX_RING_SIZE)
      throw new CompileError(`${at}.${field}`, `must be at most ${MAX_RING_SIZE}, found ${size}`);
  if (minSize > maxSize)
    throw new CompileError(`${at}.minimum_ring_size`, `must be at most the maximum of ${maxSize}, found ${minSize}`);
  if (maxSize < 1) throw new CompileError(`${at}.maximum_ring_size`, "must be at least 1, found 0");
  return { t: "ringHash", minSize, maxSize, ...common };
}

/** @throws {CompileError} */
export function compileMaglev(
  maglev: { readonly tableSize?: bigint | number | undefined },
  common: HashCommon,
  at: string,
): HashPolicy {
  refuseOthers(maglev, at, new Set(["tableSize"]));
  const tableSize = Number(maglev.tableSize ?? DEFAULT_TABLE_SIZE);
  if (tableSize > MAX_TABLE_SIZE || !isPrime(tableSize))
    throw new CompileError(
      `${at}.table_size`,
      `must be a prime number of at most ${MAX_TABLE_SIZE}, found ${tableSize}`,
    );
  return { t: "maglev", tableSize, ...common };
}

interface ConsistentMessage {
  readonly useHostnameForHashing?: boolean | undefined;
  readonly hashBalanceFactor?: number | undefined;
}

/** `consistent_hashing_lb_config`. @throws {CompileError} */
export function compileConsistent(
  config: ConsistentMessage | undefined,
  type: Cluster["type"],
  at: string,
): Pick<HashPolicy, "useHostname" | "balanceFactor"> {
  refuseOthers(config ?? {}, at, new Set(["useHostnameForHashing", "hashBalanceFactor"]));
  const { useHostnameForHashing = false, hashBalanceFactor = 0 } = config ?? {};
  if (useHostnameForHashing && type !== "STRICT_DNS")
    throw new CompileError(`${at}.use_hostname_for_hashing`, `is for clusters of type STRICT_DNS, found ${type}`);
  if (hashBalanceFactor !== 0 && hashBalanceFactor < 100)
    throw new CompileError(`${at}.hash_balance_factor`, `must be at least 100, found ${hashBalanceFactor}`);
  return {
    useHostname: useHostnameForHashing,
    ...(hashBalanceFactor === 0 ? {} : { balanceFactor: hashBalanceFactor }),
  };
}

function isPrime(n: number): boolean {
  if (n < 2) return false;
  for (let i = 2; i * i <= n; i += 1) if (n % i === 0) return false;
  return true;
}

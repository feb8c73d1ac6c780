/**
 * Consistent hashing with bounded loads: an endpoint that has more than its part of the requests that run passes the next one on.
 *
 * Source: Envoy's `BoundedLoadHashingLoadBalancer` (`hash_balance_factor`), its random order of endpoints included: a Mersenne twister
 * (MT19937, Matsumoto and Nishimura 1998) with the request's hash for its seed.
 *
 * @module
 */
import type { Endpoint } from "./endpoint.ts";
import type { HashedEndpoint } from "./hash-table.ts";

const WORDS = 624;
const SHIFT = 397;

/** MT19937. */
export class MersenneTwister {
  readonly #state = new Uint32Array(WORDS);
  #next = WORDS;

  constructor(seed: number) {
    const state = this.#state;
    state[0] = seed;
    for (let i = 1; i < WORDS; i += 1) {
      const last = state[i - 1] as number;
      state[i] = Math.imul(1_812_433_253, last ^ (last >>> 30)) + i;
    }
  }

  /** A whole number below 2^32. */
  next(): number {
    if (this.#next === WORDS) this.#twist();
    let y = this.#state[this.#next++] as number;
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c_5680;
    y ^= (y << 15) & 0xefc6_0000;
    return (y ^ (y >>> 18)) >>> 0;
  }

  #twist(): void {
    const state = this.#state;
    for (let i = 0; i < WORDS; i += 1) {
      const y = ((state[i] as number) & 0x8000_0000) | ((state[(i + 1) % WORDS] as number) & 0x7fff_ffff);
      state[i] = (state[(i + SHIFT) % WORDS] as number) ^ (y >>> 1) ^ (y & 1 ? 0x9908_b0df : 0);
    }
    this.#next = 0;
  }

  /** A whole number below `limit`. */
  below(limit: number): number {
    const part = Math.floor(2 ** 32 / limit);
    for (;;) {
      const x = Math.floor(this.next() / part);
      if (x < limit) return x;
    }
  }
}

/**
 * `chosen`, or where it is overloaded the first of the others that is not; where all are, the least.
 *
 * @param factor Percent of the mean load that an endpoint may have.
 * @param hosts Those that could be chosen, in the order of the assignment.
 * @param active Requests that run at all endpoints of the cluster.
 */
export function withinBound(
  chosen: Endpoint,
  hash: bigint,
  hosts: readonly HashedEndpoint[],
  factor: number,
  active: number,
): Endpoint {
  const slots = Math.floor(((active + 1) * factor + 99) / 100);
  const load = ({ endpoint, weight }: HashedEndpoint): number =>
    endpoint.activeRequests / Math.max(1, Math.ceil(slots * weight));
  const own = hosts.find(({ endpoint }) => endpoint === chosen);
  if (own === undefined || load(own) <= 1) return chosen;
  const random = new MersenneTwister(Number(hash & 0xffff_ffffn));
  const order = [...hosts];
  let least = own;
  for (let i = 0; i < order.length; i += 1) {
    const j = i + random.below(order.length - i);
    const other = order[j] as HashedEndpoint;
    order[j] = order[i] as HashedEndpoint;
    if (other.endpoint === chosen) continue;
    if (load(other) <= 1) return other.endpoint;
    if (load(other) < load(least)) least = other;
  }
  return least.endpoint;
}

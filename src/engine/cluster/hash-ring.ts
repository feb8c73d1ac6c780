/**
 * The ring of a ring hash balancer: each endpoint stands at many places of it, as many as its weight says, and a request
 * goes to the first place at or behind its hash.
 *
 * Source: Envoy's `RingHashLoadBalancer::Ring`, place for place; hashes are xxHash64 of `key_0`, `key_1` …
 *
 * @module
 */
import { hashOfText } from "../hash/xx-hash.ts";
import type { Endpoint } from "./endpoint.ts";
import type { HashedEndpoint, HashTable } from "./hash-table.ts";

export class HashRing implements HashTable {
  readonly #endpoints: readonly Endpoint[];
  /** Low and high word of each place, ascending. */
  readonly #words: Uint32Array;
  readonly #owners: Uint32Array;

  /** @param hosts Not empty. */
  constructor(hosts: readonly HashedEndpoint[], minSize: number, maxSize: number) {
    const { hashes, owners } = placesOf(hosts, minSize, maxSize);
    const order = ascending(hashes);
    this.#endpoints = hosts.map(({ endpoint }) => endpoint);
    this.#owners = order.map((place) => owners[place] ?? 0);
    const words = new Uint32Array(hashes.buffer);
    this.#words = new Uint32Array(words.length).map((_, i) => words[2 * (order[i >> 1] as number) + (i & 1)] as number);
  }

  get size(): number {
    return this.#owners.length;
  }

  pick(hash: bigint, attempt: number): Endpoint | undefined {
    const place = this.#from(Number(hash >> 32n), Number(hash & 0xffffffffn));
    return this.#endpoints[this.#owners[(place + attempt) % this.size] ?? -1];
  }

  placesOf(): Uint32Array {
    const places = new Uint32Array(this.#endpoints.length);
    for (const owner of this.#owners) places[owner]! += 1;
    return places;
  }

  /** The first place at or behind a hash; behind the last comes the first. */
  #from(high: number, low: number): number {
    const words = this.#words;
    let from = 0;
    let to = this.size;
    while (from < to) {
      const middle = (from + to) >>> 1;
      const itsHigh = words[2 * middle + 1] as number;
      if (itsHigh < high || (itsHigh === high && (words[2 * middle] as number) < low)) from = middle + 1;
      else to = middle;
    }
    return from === this.size ? 0 : from;
  }
}

/**
 * The least endpoint gets a whole number of places, if that does not exceed `maxSize`. Sums run over all endpoints, so
 * that parts of places add up to the whole ring.
 */
function placesOf(hosts: readonly HashedEndpoint[], minSize: number, maxSize: number) {
  const least = hosts.reduce((min, { weight }) => Math.min(min, weight), 1);
  const scale = Math.min(Math.ceil(least * minSize) / least, maxSize);
  // Sums of parts may come out a little above the whole.
  const hashes = new BigUint64Array(Math.ceil(scale) + hosts.length);
  const owners = new Uint32Array(hashes.length);
  let size = 0;
  let target = 0;
  for (const [owner, { key, weight }] of hosts.entries()) {
    target += scale * weight;
    for (let i = 0; size < target; i += 1, size += 1) {
      hashes[size] = hashOfText(`${key}_${i}`);
      owners[size] = owner;
    }
  }
  return { hashes: hashes.slice(0, size), owners };
}

/** The places in ascending order: a radix sort, since rings may have millions. */
function ascending(hashes: BigUint64Array): Uint32Array {
  const bytes = new Uint8Array(hashes.buffer);
  let order = new Uint32Array(hashes.length).map((_, i) => i);
  for (let byte = 0; byte < 8; byte += 1) {
    const starts = new Uint32Array(257);
    for (let i = byte; i < bytes.length; i += 8) starts[(bytes[i] as number) + 1]! += 1;
    for (let i = 1; i < 257; i += 1) starts[i]! += starts[i - 1] as number;
    const next = new Uint32Array(order.length);
    for (const place of order) next[starts[bytes[8 * place + byte] as number]!++] = place;
    order = next;
  }
  return order;
}

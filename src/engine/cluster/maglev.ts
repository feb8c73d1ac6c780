/**
 * The table of a Maglev balancer: endpoints take turns in claiming their next free place, as often as their weights say.
 *
 * Source: Envoy's `MaglevTable`, place for place, after listing 1 of the Maglev paper (Eisenbud et al., NSDI 2016).
 *
 * @module
 */
import { hashOfText } from "../hash/xx-hash.ts";
import type { Endpoint } from "./endpoint.ts";
import type { HashedEndpoint, HashTable } from "./hash-table.ts";

const ALL_ONES = 0xffff_ffff_ffff_ffffn;

export class MaglevTable implements HashTable {
  readonly #endpoints: readonly Endpoint[];
  /** For each place the endpoint's index, from 1. */
  readonly #places: Uint16Array | Uint32Array;
  readonly #size: bigint;

  /** @param hosts Not empty. @param size A prime. */
  constructor(hosts: readonly HashedEndpoint[], size: number) {
    const sorted = [...hosts].sort((a, b) => (a.key < b.key ? -1 : 1));
    this.#endpoints = sorted.map(({ endpoint }) => endpoint);
    this.#places = sorted.length < 0xffff ? new Uint16Array(size) : new Uint32Array(size);
    this.#size = BigInt(size);
    fill(this.#places, sorted);
  }

  placesOf(): Uint32Array {
    const places = new Uint32Array(this.#endpoints.length);
    for (const place of this.#places) places[place - 1]! += 1;
    return places;
  }

  pick(hash: bigint, attempt: number): Endpoint | undefined {
    const mixed = attempt === 0 ? hash : hash ^ (ALL_ONES - BigInt(attempt) + 1n);
    return this.#endpoints[(this.#places[Number(mixed % this.#size)] ?? 0) - 1];
  }
}

interface Claim {
  readonly weight: number;
  readonly skip: number;
  place: number;
  /** Grows by the highest weight with each turn: it has a turn when its own weight has caught up. */
  target: number;
}

function fill(places: Uint16Array | Uint32Array, hosts: readonly HashedEndpoint[]): void {
  const size = places.length;
  const highest = hosts.reduce((max, { weight }) => Math.max(max, weight), 0);
  const claims = hosts.map((host) => claimOf(host, size));
  let left = size;
  for (let round = 1; left > 0; round += 1)
    for (let i = 0; i < claims.length && left > 0; i += 1) {
      const claim = claims[i] as Claim;
      if (round * claim.weight < claim.target) continue;
      claim.target += highest;
      while (places[claim.place] !== 0) claim.place = (claim.place + claim.skip) % size;
      places[claim.place] = i + 1;
      left -= 1;
    }
}

function claimOf({ key, weight }: HashedEndpoint, size: number): Claim {
  return {
    weight,
    skip: Number(hashOfText(key, 1n) % BigInt(size - 1)) + 1,
    place: Number(hashOfText(key) % BigInt(size)),
    target: 0,
  };
}

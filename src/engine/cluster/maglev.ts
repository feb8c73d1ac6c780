/**
 * The table of a Maglev balancer: endpoints take turns in claiming their next free place, as often as their weights say.
 *
 * Source: Envoy's `MaglevTable`, place for place, after listing 1 of the Maglev paper (Eisenbud et al., NSDI 2016).
 *
 * @module
 */
import { hashOfText } from "../hash/xx-hash.ts";
import type { HashedEndpoint, HashTable, Steps } from "./hash-table.ts";

const ALL_ONES = 0xffff_ffff_ffff_ffffn;
/** Places that one step looks at: well below a millisecond's work. */
const STEP = 32_768;

/** For each place the endpoint's number, from 1; 0 where nobody has claimed it. */
type Places = Uint16Array | Uint32Array;

export class MaglevTable implements HashTable {
  readonly #places: Places;
  readonly #counts: readonly number[];
  readonly #size: bigint;

  /** @param counts Of each endpoint's places. */
  constructor(places: Places, counts: readonly number[]) {
    this.#places = places;
    this.#counts = counts;
    this.#size = BigInt(places.length);
  }

  placesOf(): readonly number[] {
    return this.#counts;
  }

  pick(hash: bigint, attempt: number): number {
    const mixed = attempt === 0 ? hash : hash ^ (ALL_ONES - BigInt(attempt) + 1n);
    return (this.#places[Number(mixed % this.#size)] ?? 0) - 1;
  }
}

/** @param hosts Not empty. @param size A prime. */
export function* maglevSteps(hosts: readonly HashedEndpoint[], size: number): Steps<MaglevTable> {
  const places: Places = hosts.length < 0xffff ? new Uint16Array(size) : new Uint32Array(size);
  const filling = new Filling(places, hosts);
  while (!filling.step()) yield;
  return new MaglevTable(places, filling.counts);
}

interface Claim {
  /** The endpoint's, from 1. */
  readonly number: number;
  readonly weight: number;
  readonly skip: number;
  place: number;
  /** Places that it has. */
  count: number;
  /** Grows by the highest weight with each turn: it has a turn when its own weight has caught up. */
  target: number;
}

class Filling {
  readonly #places: Places;
  readonly #highest: number;
  readonly #claims: readonly Claim[];
  #left: number;
  #round = 1;
  #turn = 0;

  constructor(places: Places, hosts: readonly HashedEndpoint[]) {
    this.#places = places;
    this.#left = places.length;
    this.#highest = hosts.reduce((max, { weight }) => Math.max(max, weight), 0);
    this.#claims = hosts
      .map((host, i) => claimOf(host, i + 1, places.length))
      .sort(({ number: a }, { number: b }) => ((hosts[a - 1]?.key ?? "") < (hosts[b - 1]?.key ?? "") ? -1 : 1));
  }

  /** @returns Whether every place is claimed. */
  step(): boolean {
    for (let looks = 0; looks < STEP && this.#left > 0; looks += 1) {
      const claim = this.#claims[this.#turn] as Claim;
      if (this.#round * claim.weight < claim.target) this.#next();
      else if (this.#places[claim.place] === 0) this.#take(claim);
      else this.#pass(claim);
    }
    return this.#left === 0;
  }

  /** Of the places of each endpoint, by its number. */
  get counts(): readonly number[] {
    return [...this.#claims].sort((a, b) => a.number - b.number).map(({ count }) => count);
  }

  #take(claim: Claim): void {
    this.#places[claim.place] = claim.number;
    claim.count += 1;
    claim.target += this.#highest;
    this.#left -= 1;
    this.#next();
  }

  #pass(claim: Claim): void {
    const place = claim.place + claim.skip;
    claim.place = place < this.#places.length ? place : place - this.#places.length;
  }

  #next(): void {
    this.#turn += 1;
    if (this.#turn < this.#claims.length) return;
    this.#turn = 0;
    this.#round += 1;
  }
}

const claimOf = ({ key, weight }: HashedEndpoint, number: number, size: number): Claim => ({
  number,
  weight,
  skip: Number(hashOfText(key, 1n) % BigInt(size - 1)) + 1,
  place: Number(hashOfText(key) % BigInt(size)),
  count: 0,
  target: 0,
});

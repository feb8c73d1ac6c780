/**
 * The ring of a ring hash balancer: each endpoint stands at many places of it, as many as its weight says, and a request
 * goes to the first place at or behind its hash.
 *
 * Source: Envoy's `RingHashLoadBalancer::Ring`, place for place; hashes are xxHash64 of `key_0`, `key_1` …
 *
 * @module
 */
import { NumberedHashes } from "../hash/numbered-hashes.ts";
import type { HashedEndpoint, HashTable, Steps } from "./hash-table.ts";

/** Places that one step goes through: well below a millisecond's work, unless memory is slow. */
const STEP = 4096;
/** Hashes spread evenly, so a bucket for each of few places is nearly all of the sorting. */
const MAX_BUCKET_BITS = 20;

export class HashRing implements HashTable {
  /** Low and high word of each place, ascending. */
  readonly #words: Uint32Array;
  readonly #owners: Owners;
  readonly #ends: readonly number[];

  /** @param ends How many places the endpoints up to each have together. */
  constructor(words: Uint32Array, owners: Owners, ends: readonly number[]) {
    this.#words = words;
    this.#owners = owners;
    this.#ends = ends;
  }

  get size(): number {
    return this.#owners.length;
  }

  pick(hash: bigint, attempt: number): number {
    const place = this.#from(Number(hash >> 32n), Number(hash & 0xffffffffn));
    return this.#owners[(place + attempt) % this.size] ?? -1;
  }

  placesOf(): readonly number[] {
    return this.#ends.map((end, i) => end - (this.#ends[i - 1] ?? 0));
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

/** The numbers of endpoints that stand at places. */
type Owners = Uint16Array | Uint32Array;

/** @param hosts Not empty. */
export function* ringSteps(hosts: readonly HashedEndpoint[], minSize: number, maxSize: number): Steps<HashRing> {
  const ends = placesOf(hosts, minSize, maxSize);
  const size = ends.at(-1) ?? 0;
  const hashes = new BigUint64Array(size);
  for (const [owner, { key }] of hosts.entries()) {
    const numbered = new NumberedHashes(key);
    const end = ends[owner] ?? 0;
    for (let from = ends[owner - 1] ?? 0; from < end; from += STEP) {
      write(hashes, numbered, from, Math.min(end, from + STEP));
      yield;
    }
  }
  return yield* sorted(hashes, ends);
}

/**
 * Where the places of each endpoint end. The least endpoint gets a whole number of places, if that does not exceed `maxSize`. Sums run over all
 * endpoints, so that parts of places add up to the whole ring.
 */
function placesOf(hosts: readonly HashedEndpoint[], minSize: number, maxSize: number): readonly number[] {
  const least = hosts.reduce((min, { weight }) => Math.min(min, weight), 1);
  const scale = Math.min(Math.ceil(least * minSize) / least, maxSize);
  let end = 0;
  let target = 0;
  return hosts.map(({ weight }) => {
    target += scale * weight;
    end = Math.max(end, Math.ceil(target));
    return end;
  });
}

function write(hashes: BigUint64Array, numbered: NumberedHashes, from: number, to: number): void {
  for (let i = from; i < to; i += 1) hashes[i] = numbered.next();
}

/** Into buckets by the highest bits, and by insertion within them. Equal hashes keep their order. */
function* sorted(hashes: BigUint64Array, ends: readonly number[]): Steps<HashRing> {
  const size = hashes.length;
  const words = new Uint32Array(hashes.buffer);
  const bits = Math.min(MAX_BUCKET_BITS, Math.max(1, 31 - Math.clz32(size)));
  const buckets: Buckets = { shift: 32 - bits, starts: new Uint32Array(2 ** bits + 1) };
  for (let from = 0; from < size; from += STEP) {
    count(words, buckets, from, Math.min(size, from + STEP));
    yield;
  }
  for (let i = 1; i < buckets.starts.length; i += 1) buckets.starts[i]! += buckets.starts[i - 1] as number;
  const places: Places = {
    words: new Uint32Array(2 * size),
    owners: ends.length < 0xffff ? new Uint16Array(size) : new Uint32Array(size),
  };
  for (const [owner, end] of ends.entries())
    for (let from = ends[owner - 1] ?? 0; from < end; from += STEP) {
      scatter(words, buckets, places, owner, from, Math.min(end, from + STEP));
      yield;
    }
  for (let from = 1; from < size; from += STEP) {
    insert(places, from, Math.min(size, from + STEP));
    yield;
  }
  return new HashRing(places.words, places.owners, ends);
}

interface Places {
  readonly words: Uint32Array;
  readonly owners: Owners;
}

interface Buckets {
  readonly shift: number;
  /** Of bucket `i` at `i`; while they are counted, at `i + 1`. */
  readonly starts: Uint32Array;
}

function count(words: Uint32Array, { shift, starts }: Buckets, from: number, to: number): void {
  for (let i = from; i < to; i += 1) starts[((words[2 * i + 1] as number) >>> shift) + 1]! += 1;
}

function scatter(
  from: Uint32Array,
  { shift, starts }: Buckets,
  { owners, words }: Places,
  owner: number,
  first: number,
  end: number,
): void {
  for (let i = first; i < end; i += 1) {
    const high = from[2 * i + 1] as number;
    const place = starts[high >>> shift]!++;
    words[2 * place] = from[2 * i] as number;
    words[2 * place + 1] = high;
    owners[place] = owner;
  }
}

function insert({ owners, words }: Places, from: number, to: number): void {
  for (let i = from; i < to; i += 1) {
    const low = words[2 * i] as number;
    const high = words[2 * i + 1] as number;
    const owner = owners[i] as number;
    let at = i;
    for (; at > 0 && isAbove(words, at - 1, high, low); at -= 1) {
      words[2 * at] = words[2 * at - 2] as number;
      words[2 * at + 1] = words[2 * at - 1] as number;
      owners[at] = owners[at - 1] as number;
    }
    words[2 * at] = low;
    words[2 * at + 1] = high;
    owners[at] = owner;
  }
}

function isAbove(words: Uint32Array, place: number, high: number, low: number): boolean {
  const itsHigh = words[2 * place + 1] as number;
  return itsHigh > high || (itsHigh === high && (words[2 * place] as number) > low);
}

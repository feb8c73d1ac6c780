/**
 * Earliest deadline first: a weighted round robin that is smooth at any mix of weights. Each pick moves an endpoint's
 * deadline on by 1 / weight; the earliest deadline is next, ties go in the order of insertion.
 *
 * Source: Envoy's EDF scheduler. Differs in the start: Envoy skips a random number of picks, here every endpoint starts
 * at a random part of its first step; both keep a fleet of proxies from starting with the same endpoint.
 *
 * @module
 */
import type { Random } from "../../base/random.ts";

/** @typeParam T What takes turns: endpoints, or localities. */
export class EdfSchedule<T> {
  readonly #endpoints: readonly T[];
  readonly #weight: (endpoint: T) => number;
  /** A binary heap of indexes into `endpoints`. */
  readonly #heap: Uint32Array;
  readonly #deadline: Float64Array;
  readonly #order: Float64Array;
  #next = 0;

  /** @param endpoints Not empty. @param weight Above 0; asked again at each pick, so that it may follow the load. */
  constructor(endpoints: readonly T[], weight: (endpoint: T) => number, random: Random) {
    this.#endpoints = endpoints;
    this.#weight = weight;
    this.#heap = Uint32Array.from(endpoints, (_, i) => i);
    this.#deadline = Float64Array.from(endpoints, (endpoint) => random() / weight(endpoint));
    this.#order = Float64Array.from(endpoints, () => this.#next++);
    for (let at = (endpoints.length >> 1) - 1; at >= 0; at -= 1) this.#sink(at);
  }

  /** The endpoint whose turn it is; it goes back into the line. */
  pick(): T | undefined {
    const index = this.#heap[0] ?? 0;
    const endpoint = this.#endpoints[index];
    if (endpoint === undefined) return undefined;
    this.#deadline[index] = (this.#deadline[index] ?? 0) + 1 / this.#weight(endpoint);
    this.#order[index] = this.#next++;
    this.#sink(0);
    return endpoint;
  }

  #sink(from: number): void {
    const heap = this.#heap;
    const moving = heap[from] ?? 0;
    let at = from;
    for (let child = 2 * at + 1; child < heap.length; child = 2 * at + 1) {
      if (child + 1 < heap.length && this.#before(heap[child + 1] ?? 0, heap[child] ?? 0)) child += 1;
      if (!this.#before(heap[child] ?? 0, moving)) break;
      heap[at] = heap[child] ?? 0;
      at = child;
    }
    heap[at] = moving;
  }

  #before(a: number, b: number): boolean {
    const byDeadline = (this.#deadline[a] ?? 0) - (this.#deadline[b] ?? 0);
    return byDeadline < 0 || (byDeadline === 0 && (this.#order[a] ?? 0) < (this.#order[b] ?? 0));
  }
}

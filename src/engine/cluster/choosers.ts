/**
 * Ways to choose within one group of endpoints whose weights do not count.
 *
 * @module
 */
import type { Random } from "../../base/random.ts";
import type { Endpoint } from "./endpoint.ts";

export interface Chooser {
  pick(random: Random): Endpoint | undefined;
}

/** One after the other. */
export class Rotation implements Chooser {
  readonly #endpoints: readonly Endpoint[];
  #next: number;

  constructor(endpoints: readonly Endpoint[], start: number) {
    this.#endpoints = endpoints;
    this.#next = start;
  }

  pick(): Endpoint | undefined {
    const endpoint = this.#endpoints[this.#next];
    this.#next = this.#next + 1 < this.#endpoints.length ? this.#next + 1 : 0;
    return endpoint;
  }
}

/** The least busy of some draws. */
export class BestOf implements Chooser {
  readonly #endpoints: readonly Endpoint[];
  readonly #draws: number;

  constructor(endpoints: readonly Endpoint[], draws: number) {
    this.#endpoints = endpoints;
    this.#draws = draws;
  }

  pick(random: Random): Endpoint | undefined {
    let best: Endpoint | undefined;
    for (let i = 0; i < this.#draws; i += 1) {
      const drawn = this.#endpoints[Math.floor(random() * this.#endpoints.length)];
      if (best === undefined || (drawn !== undefined && drawn.activeRequests < best.activeRequests)) best = drawn;
    }
    return best;
  }
}

/** The least busy of all; of several, any. */
export class LeastOfAll implements Chooser {
  readonly #endpoints: readonly Endpoint[];

  constructor(endpoints: readonly Endpoint[]) {
    this.#endpoints = endpoints;
  }

  pick(random: Random): Endpoint | undefined {
    let least: Endpoint | undefined;
    let ties = 0;
    for (const endpoint of this.#endpoints) {
      if (least !== undefined && endpoint.activeRequests > least.activeRequests) continue;
      ties = least === undefined || endpoint.activeRequests < least.activeRequests ? 1 : ties + 1;
      if (ties === 1 || Math.floor(random() * ties) === 0) least = endpoint;
    }
    return least;
  }
}

/** The cheaper of two different ones. */
export class CheapestOfTwo implements Chooser {
  readonly #endpoints: readonly Endpoint[];
  readonly #cost: (endpoint: Endpoint) => number;

  constructor(endpoints: readonly Endpoint[], cost: (endpoint: Endpoint) => number) {
    this.#endpoints = endpoints;
    this.#cost = cost;
  }

  pick(random: Random): Endpoint | undefined {
    const endpoints = this.#endpoints;
    const first = Math.floor(random() * endpoints.length);
    const a = endpoints[first];
    if (endpoints.length < 2 || a === undefined) return a;
    const second = Math.floor(random() * (endpoints.length - 1));
    const b = endpoints[second < first ? second : second + 1];
    return b !== undefined && this.#cost(b) < this.#cost(a) ? b : a;
  }
}

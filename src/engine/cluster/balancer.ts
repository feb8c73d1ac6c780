/**
 * Which endpoint gets a request. A balancer belongs to one endpoint set and keeps its place in it; `pick` allocates
 * nothing unless the set has changed.
 *
 * Source: Envoy's round robin, least request and random (docs: arch_overview/upstream/load_balancing/load_balancers).
 * As there: with unequal weights, round robin and least request go by earliest deadline, the latter with
 * weight / (active requests + 1)^bias; with equal weights, least request takes the best of `choiceCount` draws with
 * replacement, and the first drawn wins a tie. Random ignores weights.
 *
 * @module
 */
import type { Random } from "../../base/random.ts";
import { unreachable } from "../../base/unreachable.ts";
import { EdfSchedule } from "./edf.ts";
import type { Endpoint } from "./endpoint.ts";
import type { EndpointGroup, EndpointSet } from "./endpoints.ts";
import { HashBalancer, type HashPolicy } from "./hash-balancer.ts";

export type BalancerPolicy =
  | { readonly t: "roundRobin" }
  | { readonly t: "leastRequest"; readonly choiceCount: number; readonly activeRequestBias: number }
  | { readonly t: "random" }
  | HashPolicy;

/** Whether requests need a hash. */
export const hashes = ({ t }: BalancerPolicy): boolean => t === "ringHash" || t === "maglev";

export interface Balancer {
  /**
   * Chooses an endpoint, or undefined when none may be used.
   *
   * @param avoid Endpoints that a retry has met before. When `reselections` further choices all fall on them, the last
   *   one is taken: a bad endpoint is better than none.
   * @param reselections `host_selection_retry_max_attempts`. Default 1.
   * @param hash 64 bits, for balancers that hash; without it they choose at random.
   */
  pick(
    set: EndpointSet,
    random: Random,
    avoid?: ReadonlySet<Endpoint> | undefined,
    reselections?: number,
    hash?: bigint,
  ): Endpoint | undefined;
}

/** A balancer with its own place in the rotation. Make one for each endpoint set. */
export function createBalancer(policy: BalancerPolicy): Balancer {
  switch (policy.t) {
    case "roundRobin":
      return new SetBalancer(true, byWeight, (group, start) => new Rotation(group, start));
    case "leastRequest":
      return leastRequest(policy.choiceCount, policy.activeRequestBias);
    case "random":
      return new SetBalancer(false, byWeight, (group) => new BestOf(group, 1));
    case "ringHash":
    case "maglev":
      return new HashBalancer(policy);
    default:
      return unreachable(policy);
  }
}

function leastRequest(choiceCount: number, bias: number): Balancer {
  const weight = (endpoint: Endpoint) => endpoint.weight / (endpoint.activeRequests + 1) ** bias;
  return new SetBalancer(true, weight, (group) => new BestOf(group, choiceCount));
}

/** Chooses within one group of endpoints. */
interface Chooser {
  pick(random: Random): Endpoint | undefined;
}

const byWeight = (endpoint: Endpoint): number => endpoint.weight;

/** Keeps one chooser for each group, made anew when the set changes. */
class SetBalancer implements Balancer {
  readonly #weighted: boolean;
  readonly #weight: (endpoint: Endpoint) => number;
  readonly #unweighted: (endpoints: readonly Endpoint[], start: number) => Chooser;
  #choosers = new Map<EndpointGroup, Chooser>();
  #set: EndpointSet | undefined;
  #version = -1;

  constructor(
    weighted: boolean,
    weight: (endpoint: Endpoint) => number,
    unweighted: (endpoints: readonly Endpoint[], start: number) => Chooser,
  ) {
    this.#weighted = weighted;
    this.#weight = weight;
    this.#unweighted = unweighted;
  }

  pick(set: EndpointSet, random: Random, avoid?: ReadonlySet<Endpoint>, reselections = 1): Endpoint | undefined {
    if (this.#version !== set.version || this.#set !== set) this.#rebuild(set, random);
    let endpoint = this.#pickOnce(set, random);
    if (avoid === undefined) return endpoint;
    for (let i = 0; i < reselections && endpoint !== undefined && avoid.has(endpoint); i += 1)
      endpoint = this.#pickOnce(set, random);
    return endpoint;
  }

  #pickOnce(set: EndpointSet, random: Random): Endpoint | undefined {
    const group = set.group(random);
    return group === undefined ? undefined : this.#choosers.get(group)?.pick(random);
  }

  #rebuild(set: EndpointSet, random: Random): void {
    this.#set = set;
    this.#version = set.version;
    this.#choosers = new Map(set.groups.map((group) => [group, this.#chooser(group.endpoints, random)]));
  }

  #chooser(endpoints: readonly Endpoint[], random: Random): Chooser {
    const first = endpoints[0]?.weight;
    if (this.#weighted && endpoints.some((endpoint) => endpoint.weight !== first))
      return new EdfSchedule(endpoints, this.#weight, random);
    return this.#unweighted(endpoints, Math.floor(random() * endpoints.length));
  }
}

/** One after the other. */
class Rotation implements Chooser {
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
class BestOf implements Chooser {
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

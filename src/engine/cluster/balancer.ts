/**
 * Which endpoint gets a request. A balancer belongs to one endpoint set and keeps its place in it; `pick` allocates
 * nothing unless the set has changed.
 *
 * Source: Envoy's round robin, least request and random (docs: arch_overview/upstream/load_balancing/load_balancers).
 * As there: with unequal weights, or while an endpoint warms up, round robin and least request go by earliest deadline, the latter
 * with weight / (active requests + 1)^bias; with equal weights, least request takes the best of `choiceCount` draws with
 * replacement, and the first drawn wins a tie, or with a full scan the best of all, by lot where several are. Random ignores weights.
 * Localities with parts of their own take turns by earliest deadline, or are drawn.
 *
 * @module
 */
import type { Random } from "../../base/random.ts";
import { unreachable } from "../../base/unreachable.ts";
import { BestOf, CheapestOfTwo, type Chooser, LeastOfAll, Rotation } from "./choosers.ts";
import { EdfSchedule } from "./edf.ts";
import type { Endpoint } from "./endpoint.ts";
import type { EndpointGroup } from "./endpoint-groups.ts";
import type { EndpointView } from "./endpoints.ts";
import { HashBalancer, type HashPolicy, type TableSizes, type TableWork } from "./hash-balancer.ts";
import type { LocalityPart } from "./localities.ts";
import { costOf } from "./peak-ewma.ts";
import { isWarming, type SlowStart, warmth } from "./slow-start.ts";

export type BalancerPolicy =
  | { readonly t: "roundRobin"; readonly slowStart?: SlowStart | undefined }
  | {
      readonly t: "leastRequest";
      readonly choiceCount: number;
      readonly activeRequestBias: number;
      /** Looks at all endpoints in place of some. */
      readonly fullScan?: boolean;
      readonly slowStart?: SlowStart | undefined;
    }
  | { readonly t: "random" }
  /** @see `peak-ewma.ts` */
  | { readonly t: "peakEwma"; readonly decayMs: number }
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
    set: EndpointView,
    random: Random,
    avoid?: ReadonlySet<Endpoint> | undefined,
    reselections?: number,
    hash?: bigint,
  ): Endpoint | undefined;
  /** Endpoints have changed: what a choice would have to wait for, to be done in parts; undefined for nothing. */
  prepare?(set: EndpointView): TableWork | undefined;
  /** Takes the place of another, and may use what that one has. */
  inherit?(last: Balancer): void;
  /** Of balancers that hash; undefined while there are no endpoints. */
  readonly tableSizes?: TableSizes | undefined;
}

/** How one kind of balancer chooses among endpoints. */
interface Choice {
  /** What each gets, where they differ. */
  readonly weight: (endpoint: Endpoint) => number;
  /** Weights count, and so may warming up. */
  readonly weighted: boolean;
  readonly slowStart?: SlowStart | undefined;
  readonly equal: (endpoints: readonly Endpoint[], random: Random) => Chooser;
}

/**
 * A balancer with its own place in the rotation. Make one for each endpoint set.
 * @param nowMs For policies that look at the time.
 */
export function createBalancer(policy: BalancerPolicy, nowMs: () => number = () => 0): Balancer {
  switch (policy.t) {
    case "ringHash":
    case "maglev":
      return new HashBalancer(policy);
    default:
      return new SetBalancer(choiceOf(policy, nowMs), nowMs);
  }
}

const byWeight = ({ weight }: Endpoint): number => weight;

function choiceOf(policy: Exclude<BalancerPolicy, HashPolicy>, nowMs: () => number): Choice {
  switch (policy.t) {
    case "roundRobin": {
      const equal: Choice["equal"] = (group, random) => new Rotation(group, Math.floor(random() * group.length));
      return warming({ weighted: true, weight: byWeight, equal }, policy.slowStart, nowMs);
    }
    case "leastRequest": {
      const { activeRequestBias, choiceCount, fullScan = false } = policy;
      const weight = ({ weight: own, activeRequests }: Endpoint): number =>
        own / (activeRequests + 1) ** activeRequestBias;
      const equal: Choice["equal"] = (group) => (fullScan ? new LeastOfAll(group) : new BestOf(group, choiceCount));
      return warming({ weighted: true, weight, equal }, policy.slowStart, nowMs);
    }
    case "random":
      return { weighted: false, weight: byWeight, equal: (group) => new BestOf(group, 1) };
    case "peakEwma": {
      const cost = (endpoint: Endpoint): number => costOf(endpoint, nowMs(), policy.decayMs);
      return { weighted: false, weight: byWeight, equal: (group) => new CheapestOfTwo(group, cost) };
    }
    default:
      return unreachable(policy);
  }
}

function warming(choice: Choice, slowStart: SlowStart | undefined, nowMs: () => number): Choice {
  if (slowStart === undefined) return choice;
  const weight = (endpoint: Endpoint): number => choice.weight(endpoint) * warmth(endpoint, slowStart, nowMs());
  return { ...choice, weight, slowStart };
}

/** Keeps one chooser for each group, made anew when the set changes. */
class SetBalancer implements Balancer {
  readonly #choice: Choice;
  readonly #nowMs: () => number;
  #choosers = new Map<EndpointGroup, Chooser>();
  #set: EndpointView | undefined;
  #version = -1;

  constructor(choice: Choice, nowMs: () => number) {
    this.#choice = choice;
    this.#nowMs = nowMs;
  }

  pick(set: EndpointView, random: Random, avoid?: ReadonlySet<Endpoint>, reselections = 1): Endpoint | undefined {
    if (this.#version !== set.version || this.#set !== set) this.#rebuild(set, random);
    let endpoint = this.#pickOnce(set, random);
    if (avoid === undefined) return endpoint;
    for (let i = 0; i < reselections && endpoint !== undefined && avoid.has(endpoint); i += 1)
      endpoint = this.#pickOnce(set, random);
    return endpoint;
  }

  #pickOnce(set: EndpointView, random: Random): Endpoint | undefined {
    const group = set.group(random);
    return group === undefined ? undefined : this.#choosers.get(group)?.pick(random);
  }

  #rebuild(set: EndpointView, random: Random): void {
    this.#set = set;
    this.#version = set.version;
    this.#choosers = new Map(set.groups.map((group) => [group, this.#ofGroup(group, random)]));
  }

  #ofGroup({ endpoints, parts, byChance = false }: EndpointGroup, random: Random): Chooser {
    const [only] = parts ?? [];
    if (parts === undefined || only === undefined) return this.#chooser(endpoints, random);
    if (parts.length === 1) return this.#chooser(only.endpoints, random);
    const choosers = new Map(parts.map((part) => [part, this.#chooser(part.endpoints, random)]));
    const turns = byChance
      ? { pick: (draw: Random) => drawn(parts, draw) }
      : new EdfSchedule(parts, ({ weight }) => weight, random);
    return {
      pick(draw) {
        const part = turns.pick(draw);
        return part === undefined ? undefined : choosers.get(part)?.pick(draw);
      },
    };
  }

  #chooser(endpoints: readonly Endpoint[], random: Random): Chooser {
    const { equal, slowStart, weight, weighted } = this.#choice;
    const first = endpoints[0]?.weight;
    const nowMs = slowStart === undefined ? 0 : this.#nowMs();
    const differ =
      weighted &&
      endpoints.some((it) => it.weight !== first || (slowStart !== undefined && isWarming(it, slowStart, nowMs)));
    return differ ? new EdfSchedule(endpoints, weight, random) : equal(endpoints, random);
  }
}

/** Weights add up to 1, or nearly. */
function drawn(parts: readonly LocalityPart[], random: Random): LocalityPart | undefined {
  let left = random();
  for (const part of parts) {
    left -= part.weight;
    if (left < 0) return part;
  }
  return parts.at(-1);
}

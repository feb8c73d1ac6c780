/**
 * Where retries go that leave out priorities: what they choose from is kept until endpoints change.
 *
 * @module
 */
import { type Balancer, type BalancerPolicy, createBalancer } from "../engine/cluster/balancer.ts";
import type { Endpoint } from "../engine/cluster/endpoint.ts";
import type { EndpointSet, EndpointView } from "../engine/cluster/endpoints.ts";

type Asked = Parameters<Balancer["pick"]> extends [unknown, ...infer Rest] ? Rest : never;

interface Kept {
  readonly view: EndpointView;
  readonly balancer: Balancer;
}

/** More sets of priorities than that are seldom left out. */
const MAX_KEPT = 16;

export class OtherPriorities {
  readonly #endpoints: EndpointSet;
  readonly #policy: BalancerPolicy;
  readonly #nowMs: () => number;
  readonly #main: Balancer;
  readonly #kept = new Map<string, Kept>();

  /** @param main Of all priorities: what it has of those that are left need not be made again. */
  constructor(endpoints: EndpointSet, policy: BalancerPolicy, nowMs: () => number, main: Balancer) {
    this.#endpoints = endpoints;
    this.#policy = policy;
    this.#nowMs = nowMs;
    this.#main = main;
  }

  /** @param left Priorities. Where nothing is left without them, they are not left out. */
  pick(left: ReadonlySet<number>, ...asked: Asked): Endpoint | undefined {
    const { balancer, view } = this.#without(left);
    return balancer.pick(view, ...asked);
  }

  #without(left: ReadonlySet<number>): Kept {
    const key = [...left].sort((a, b) => a - b).join();
    const known = this.#kept.get(key);
    if (known?.view.version === this.#endpoints.version) return known;
    if (this.#kept.size >= MAX_KEPT) this.#kept.clear();
    const made = { view: this.#endpoints.without(left), balancer: createBalancer(this.#policy, this.#nowMs) };
    made.balancer.inherit?.(this.#main);
    this.#kept.set(key, made);
    return made;
  }
}

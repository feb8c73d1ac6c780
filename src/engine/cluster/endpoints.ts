/**
 * The live endpoints of one cluster. An update keeps the counters and the ejection of endpoints that stay.
 *
 * Source: `envoy/config/endpoint/v3/endpoint.proto`; priorities, degraded endpoints and panic as Envoy's load balancing.
 * Differs: an endpoint named twice is taken once, from its lowest priority; Envoy takes it once in each priority.
 *
 * @module
 */
import type { Random } from "../../base/random.ts";
import { CompileError, refuseOthers } from "../compile-error.ts";
import { type Endpoint, type EndpointSpec, LiveEndpoint, compileEndpoint } from "./endpoint.ts";
import type { ClusterLoadAssignment, LbEndpoint } from "../../xds/proto/endpoint.ts";
import { type EndpointGroup, type GroupRules, groupsOf } from "./endpoint-groups.ts";
import type { LocalityMode, LocalPeers } from "./localities.ts";

export interface EndpointSetOptions {
  /** How active health checks have a say, where there are some. */
  readonly checks?: {
    /** An endpoint that checks say serves stays when an update leaves it out. Not with `ignore_health_on_host_removal`. */
    readonly keepServing: boolean;
    /** `ignore_new_hosts_until_first_hc`. */
    readonly ignoreNew: boolean;
  };
  /** Below this share of healthy endpoints all of them are used. 0 never does that. Default 50. */
  readonly panicPercent?: number;
  /** How load spreads over localities. Default: it does not look at them. */
  readonly localities?: LocalityMode | undefined;
  /** Where this proxy is, and its own service's endpoints; undefined while nobody has said. Only for `zoneAware`. */
  readonly peers?: (() => LocalPeers | undefined) | undefined;
  /** When endpoints join. Default: never mind. */
  readonly nowMs?: (() => number) | undefined;
  /** Refuses requests in panic rather than spreading them over endpoints of any health. Default false. */
  readonly failOnPanic?: boolean;
  /** Called for each endpoint that an update left out, after the set has changed: close what is idle. */
  readonly onRemoved?: (endpoint: Endpoint) => void;
}

const DEFAULT_OVERPROVISIONING = 140;
const MAX_PRIORITY = 128;
const KNOWN_ASSIGNMENT = new Set(["clusterName", "endpoints", "policy"]);
const KNOWN_LOCALITY = new Set(["locality", "lbEndpoints", "loadBalancingWeight", "priority", "proximity", "metadata"]);
const KNOWN_POLICY = new Set(["overprovisioningFactor", "weightedPriorityHealth"]);

/** Endpoints to choose from, in groups. */
export interface EndpointView {
  /** Every endpoint, in an order that does not depend on the order of the assignment. */
  readonly all: readonly Endpoint[];
  readonly groups: readonly EndpointGroup[];
  /** Rises with every change of `groups`: what was computed from them is stale when it differs. */
  readonly version: number;
  /** The group for one request, or undefined when no endpoint may be used. Draws only when there is a choice. */
  group(random: Random): EndpointGroup | undefined;
  /** The group at a percentage of the load: 0 to below 100. */
  groupAt(percent: number): EndpointGroup | undefined;
}

export class EndpointSet implements EndpointView {
  readonly #rules: Omit<GroupRules, "overprovisioning" | "weighted" | "peers">;
  readonly #peers: () => LocalPeers | undefined;
  readonly #nowMs: () => number;
  readonly #onRemoved: (endpoint: Endpoint) => void;
  #byKey = new Map<string, LiveEndpoint>();
  #all: readonly Endpoint[] = [];
  #groups: readonly EndpointGroup[] = [];
  #usable: readonly Endpoint[] = [];
  #overprovisioning = DEFAULT_OVERPROVISIONING;
  #weighted = false;
  #version = 0;
  readonly #checks: EndpointSetOptions["checks"];

  constructor(options: EndpointSetOptions = {}) {
    this.#checks = options.checks;
    this.#rules = {
      panicPercent: options.panicPercent ?? 50,
      failOnPanic: options.failOnPanic ?? false,
      localities: options.localities,
    };
    this.#peers = options.peers ?? (() => undefined);
    this.#nowMs = options.nowMs ?? (() => 0);
    this.#onRemoved = options.onRemoved ?? (() => {});
  }

  /** Every endpoint, in an order that does not depend on the order of the assignment. */
  get all(): readonly Endpoint[] {
    return this.#all;
  }

  /** Those that a request may go to now: healthy and not ejected, or all of a priority in panic. */
  get usable(): readonly Endpoint[] {
    return this.#usable;
  }

  get groups(): readonly EndpointGroup[] {
    return this.#groups;
  }

  /** Rises with every change of `groups`: what was computed from them is stale when it differs. */
  get version(): number {
    return this.#version;
  }

  get(key: string): Endpoint | undefined {
    return this.#byKey.get(key);
  }

  /** The group for one request, or undefined when no endpoint may be used. Draws only when there is a choice. */
  group(random: Random): EndpointGroup | undefined {
    return groupFor(this.#groups, random);
  }

  /** The group at a percentage of the load: 0 to below 100. */
  groupAt(percent: number): EndpointGroup | undefined {
    return groupAtPercent(this.#groups, percent);
  }

  /** What is left without some priorities, as it is now; all of it, where that is nothing. */
  without(priorities: ReadonlySet<number>): EndpointView {
    const { all, version } = this;
    const left = all.filter(({ priority }) => !priorities.has(priority));
    const found = left.length === 0 ? [] : this.#grouped(left);
    const groups = found.length === 0 ? this.#groups : found;
    return {
      all,
      groups,
      version,
      group: (random) => groupFor(groups, random),
      groupAt: (percent) => groupAtPercent(groups, percent),
    };
  }

  /**
   * Takes an assignment in place of the last one.
   *
   * @throws CompileError for what is wrong in it; the set is then as it was.
   */
  update(assignment: ClusterLoadAssignment): void {
    const specs = compileAssignment(assignment);
    this.#overprovisioning = assignment.policy?.overprovisioningFactor ?? DEFAULT_OVERPROVISIONING;
    this.#weighted = assignment.policy?.weightedPriorityHealth ?? false;
    const last = this.#byKey;
    const next = new Map<string, LiveEndpoint>();
    for (const spec of specs) next.set(spec.key, this.#taken(spec, last.get(spec.key), last.size > 0));
    if (this.#checks?.keepServing === true) keepServing(last, next);
    this.#byKey = next;
    this.#all = [...next.values()];
    this.refresh();
    for (const endpoint of last.values()) this.#dropUnless(next, endpoint);
  }

  /**
   * One more, of priority 0, where endpoints come one by one: an update for each would go through all of them. One that is there stays as it is.
   *
   * @throws CompileError for what is wrong in it; the set is then as it was.
   */
  join(message: LbEndpoint): Endpoint {
    const spec = compileEndpoint(message, {}, "lb_endpoint");
    const known = this.#byKey.get(spec.key);
    if (known !== undefined) {
      known.leaves = false;
      return known;
    }
    const endpoint = this.#taken(spec, undefined, this.#byKey.size > 0);
    this.#byKey.set(spec.key, endpoint);
    this.#all = [...this.#all, endpoint];
    this.refresh();
    return endpoint;
  }

  #grouped(endpoints: readonly Endpoint[]): readonly EndpointGroup[] {
    return groupsOf(endpoints, {
      ...this.#rules,
      overprovisioning: this.#overprovisioning,
      weighted: this.#weighted,
      peers: this.#peers(),
    });
  }

  /** Recomputes who is usable. Whoever changes `ejected` calls this. */
  refresh(): void {
    this.#groups = this.#grouped(this.#all);
    this.#usable = this.#groups.flatMap((group) => group.endpoints);
    this.#version += 1;
  }

  /** @param isLater Others were there before: a new one must pass a check first. */
  #taken(spec: EndpointSpec, known: LiveEndpoint | undefined, isLater: boolean): LiveEndpoint {
    const endpoint = known ?? new LiveEndpoint(spec);
    if (known === undefined) endpoint.warmSinceMs = this.#nowMs();
    else known.renew(spec);
    endpoint.leaves = false;
    if (this.#checks === undefined) return endpoint;
    if (spec.check?.isOff === true) endpoint.failedCheck = endpoint.degradedCheck = endpoint.awaitsCheck = false;
    else if (known === undefined) {
      endpoint.failedCheck = isLater || this.#checks.ignoreNew;
      endpoint.awaitsCheck = this.#checks.ignoreNew;
    }
    return endpoint;
  }

  /** Lets go of an endpoint that an update had left out. */
  drop(endpoint: Endpoint): void {
    const known = this.#byKey.get(endpoint.key);
    if (known !== endpoint || known === undefined) return;
    this.#byKey.delete(endpoint.key);
    this.#all = this.#all.filter((other) => other !== endpoint);
    this.refresh();
    this.#dropUnless(this.#byKey, known);
  }

  #dropUnless(next: ReadonlyMap<string, LiveEndpoint>, endpoint: LiveEndpoint): void {
    if (next.has(endpoint.key)) return;
    endpoint.live = false;
    this.#onRemoved(endpoint);
  }
}

function groupFor(groups: readonly EndpointGroup[], random: Random): EndpointGroup | undefined {
  const first = groups[0];
  if (first === undefined || first.percent === 100) return first;
  return groupAtPercent(groups, random() * 100);
}

export function groupAtPercent(groups: readonly EndpointGroup[], percent: number): EndpointGroup | undefined {
  let left = percent;
  for (const group of groups) {
    left -= group.percent;
    if (left < 0) return group;
  }
  return undefined;
}

/** Endpoints of `last` that `next` has not, and that checks say serve, go over to it. */
function keepServing(last: ReadonlyMap<string, LiveEndpoint>, next: Map<string, LiveEndpoint>): void {
  for (const [key, endpoint] of last) {
    if (next.has(key) || endpoint.failedCheck || endpoint.check?.isOff === true) continue;
    if (endpoint.health === "unhealthy") continue;
    endpoint.leaves = true;
    next.set(key, endpoint);
  }
}

/**
 * The endpoints of an assignment, each once, by priority and key.
 *
 * @throws CompileError for what is wrong or not supported in it.
 */
export function compileAssignment(assignment: ClusterLoadAssignment, path = ""): EndpointSpec[] {
  const at = path === "" ? "" : `${path}.`;
  refuseOthers(assignment, path, KNOWN_ASSIGNMENT);
  refuseOthers(assignment.policy ?? {}, `${at}policy`, KNOWN_POLICY);
  const byKey = new Map<string, EndpointSpec>();
  let position = 0;
  for (const [i, locality] of (assignment.endpoints ?? []).entries()) {
    const localityPath = `${at}endpoints[${i}]`;
    refuseOthers(locality, localityPath, KNOWN_LOCALITY);
    const priority = locality.priority ?? 0;
    if (priority > MAX_PRIORITY)
      throw new CompileError(`${localityPath}.priority`, `must be at most ${MAX_PRIORITY}, found ${priority}`);
    for (const [j, message] of (locality.lbEndpoints ?? []).entries()) {
      const spec = compileEndpoint(message, locality, `${localityPath}.lb_endpoints[${j}]`);
      const other = byKey.get(spec.key);
      if (other === undefined || spec.priority < other.priority) byKey.set(spec.key, { ...spec, position: position++ });
    }
  }
  return [...byKey.values()].sort((a, b) => a.priority - b.priority || (a.key < b.key ? -1 : 1));
}

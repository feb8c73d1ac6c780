/**
 * Endpoints by the part of the load that they take: by priority, health and locality.
 *
 * Source: Envoy's priorities, degraded endpoints, panic and localities.
 *
 * @module
 */
import type { Endpoint } from "./endpoint.ts";
import { type LocalityMode, type LocalityPart, type LocalPeers, weightedParts, zoneParts } from "./localities.ts";
import { type PriorityHealth, type PriorityLoad, spreadLoad } from "./priority-load.ts";

/** Endpoints that share one part of the load. */
export interface EndpointGroup {
  /** Never empty. */
  readonly endpoints: readonly Endpoint[];
  readonly priority: number;
  /** 1 to 100. What is missing to 100 over all groups is refused (no endpoint, or panic with `failOnPanic`). */
  readonly percent: number;
  /** Health is ignored because too few endpoints are healthy. */
  readonly panic: boolean;
  /** Its localities, where they have parts of the load of their own. */
  readonly parts?: readonly LocalityPart[] | undefined;
  /** Parts are drawn by chance; else they take turns. */
  readonly byChance?: boolean;
}

/** How endpoints become groups. */
export interface GroupRules {
  readonly overprovisioning: number;
  /** Weights of endpoints count for what a priority can take. */
  readonly weighted: boolean;
  readonly panicPercent: number;
  readonly failOnPanic: boolean;
  readonly localities: LocalityMode | undefined;
  readonly peers: LocalPeers | undefined;
}

export function groupsOf(all: readonly Endpoint[], rules: GroupRules): readonly EndpointGroup[] {
  const priorities = byPriority(all);
  const loads = spreadLoad(
    priorities.map(([, endpoints]) => healthOf(endpoints, rules.weighted)),
    rules.overprovisioning,
    rules.panicPercent,
  );
  return priorities.flatMap(([priority, endpoints], i) => {
    const load = loads[i];
    return load === undefined ? [] : groupsOfPriority(priority, endpoints, load, rules);
  });
}

function groupsOfPriority(
  priority: number,
  endpoints: readonly Endpoint[],
  load: PriorityLoad,
  rules: GroupRules,
): EndpointGroup[] {
  const { healthyPercent, degradedPercent, panic } = load;
  const percent = healthyPercent + degradedPercent;
  if (percent === 0 || (panic && rules.failOnPanic)) return [];
  if (panic) return [{ endpoints, priority, percent, panic }];
  const group = (some: readonly Endpoint[], part: number): EndpointGroup[] => {
    if (part === 0 || some.length === 0) return [];
    return [{ endpoints: some, priority, percent: part, panic, ...spread(priority, endpoints, some, rules) }];
  };
  return [
    ...group(endpoints.filter(isHealthy), healthyPercent),
    ...group(endpoints.filter(isDegraded), degradedPercent),
  ];
}

/** Over localities, where they count. As in Envoy the own one comes first in the first priority alone. */
function spread(
  priority: number,
  all: readonly Endpoint[],
  some: readonly Endpoint[],
  { localities, overprovisioning, peers }: GroupRules,
): Pick<EndpointGroup, "parts" | "byChance"> {
  if (localities === undefined) return {};
  if (localities.t === "weighted") {
    const counted = all.filter((endpoint) => !isIgnored(endpoint));
    return { parts: weightedParts(counted, some, overprovisioning) };
  }
  const healthy = priority === 0 && some.every(isHealthy);
  return healthy ? { parts: zoneParts(localities, some, peers), byChance: true } : {};
}

function byPriority(all: readonly Endpoint[]): readonly (readonly [number, readonly Endpoint[]])[] {
  const groups = new Map<number, Endpoint[]>();
  for (const endpoint of all) {
    const group = groups.get(endpoint.priority);
    if (group === undefined) groups.set(endpoint.priority, [endpoint]);
    else group.push(endpoint);
  }
  return [...groups].sort(([a], [b]) => a - b);
}

function healthOf(all: readonly Endpoint[], weighted: boolean): PriorityHealth {
  const endpoints = all.some(isIgnored) ? all.filter((endpoint) => !isIgnored(endpoint)) : all;
  const size = (some: readonly Endpoint[]) => (weighted ? some.reduce((sum, e) => sum + e.weight, 0) : some.length);
  const healthy = endpoints.filter(isHealthy);
  const degraded = endpoints.filter(isDegraded);
  return {
    healthy: size(healthy),
    degraded: size(degraded),
    total: size(endpoints),
    endpoints: endpoints.length,
    availablePercent: endpoints.length === 0 ? 0 : (100 * (healthy.length + degraded.length)) / endpoints.length,
  };
}

/** As Envoy's excluded hosts: not counted among those that could serve. */
export const isIgnored = (endpoint: Endpoint): boolean => endpoint.awaitsCheck || endpoint.excluded;
const isOut = (endpoint: Endpoint): boolean => endpoint.ejected || endpoint.failedCheck;

export const isHealthy = (endpoint: Endpoint): boolean =>
  endpoint.health === "healthy" && !endpoint.degradedCheck && !isOut(endpoint);
export const isDegraded = (endpoint: Endpoint): boolean =>
  !isOut(endpoint) && (endpoint.health === "degraded" || (endpoint.health === "healthy" && endpoint.degradedCheck));

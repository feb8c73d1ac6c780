/**
 * How load spreads over the priorities of a cluster, and where health no longer counts because too few are healthy.
 *
 * Source: Envoy's priority levels and panic threshold (docs: arch_overview/upstream/load_balancing/{priority,
 * panic_threshold}); percentages are whole numbers as there, so that both proxies spread alike.
 *
 * @module
 */

/** Sizes of one priority. Counts of endpoints, or sums of their weights with `weighted_priority_health`. */
export interface PriorityHealth {
  readonly healthy: number;
  readonly degraded: number;
  readonly total: number;
  /** Endpoints, whatever `total` counts. */
  readonly endpoints: number;
  /** Share of endpoints that are healthy or degraded, 0 to 100. */
  readonly availablePercent: number;
}

export interface PriorityLoad {
  /** Percent of the requests that go to the healthy endpoints (to all of them in panic). */
  healthyPercent: number;
  degradedPercent: number;
  /** Health is ignored here. */
  panic: boolean;
}

/** The load of each priority. `overprovisioning` is 140 by default; `panicPercent` 0 turns panic off. */
export function spreadLoad(
  priorities: readonly PriorityHealth[],
  overprovisioning: number,
  panicPercent: number,
): PriorityLoad[] {
  const loads = priorities.map((): PriorityLoad => ({ healthyPercent: 0, degradedPercent: 0, panic: false }));
  const healthy = priorities.map((p) => availability(p.healthy, p.total, overprovisioning));
  const degraded = priorities.map((p) => availability(p.degraded, p.total, overprovisioning));
  const available = Math.min(100, sum(healthy) + sum(degraded));
  if (available > 0) assign(loads, healthy, degraded, available);
  if (available === 100 || panicPercent === 0) return loads;
  for (const [i, load] of loads.entries()) load.panic = (priorities[i]?.availablePercent ?? 0) < panicPercent;
  if (loads.every((load) => load.panic)) assignByCount(loads, priorities);
  return loads;
}

function availability(part: number, total: number, overprovisioning: number): number {
  return total === 0 ? 0 : Math.min(100, Math.floor((overprovisioning * part) / total));
}

/** Healthy endpoints by priority first, what they cannot carry to the degraded ones, rounding to the first in line. */
function assign(loads: PriorityLoad[], healthy: readonly number[], degraded: readonly number[], available: number) {
  let left = 100;
  for (const [i, load] of loads.entries())
    left -= load.healthyPercent = Math.min(left, Math.floor(((healthy[i] ?? 0) * 100) / available));
  for (const [i, load] of loads.entries())
    left -= load.degradedPercent = Math.min(left, Math.floor(((degraded[i] ?? 0) * 100) / available));
  const firstHealthy = loads[healthy.findIndex((percent) => percent > 0)];
  const firstDegraded = loads[degraded.findIndex((percent) => percent > 0)];
  if (firstHealthy !== undefined) firstHealthy.healthyPercent += left;
  else if (firstDegraded !== undefined) firstDegraded.degradedPercent += left;
}

/** With every priority in panic, size alone decides. */
function assignByCount(loads: PriorityLoad[], priorities: readonly PriorityHealth[]) {
  const total = sum(priorities.map((p) => p.endpoints));
  if (total === 0) return;
  let left = 100;
  for (const [i, load] of loads.entries()) {
    load.degradedPercent = 0;
    left -= load.healthyPercent = Math.floor((100 * (priorities[i]?.endpoints ?? 0)) / total);
  }
  const first = loads[priorities.findIndex((p) => p.endpoints > 0)];
  if (first !== undefined) first.healthyPercent += left;
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, n) => total + n, 0);

/**
 * The localities of a cluster's endpoints as one caller uses them: which go first, and how much each gets.
 *
 * Source: Istio's `localityLbSetting`: `distribute` gives weights and leaves other localities out; else, where outliers are detected, endpoints get
 * priorities, by `failoverPriority`'s labels and by nearness, with `failover`'s region before other regions. Without outlier detection nobody
 * would ever be found missing, so priorities would shut out the rest. With `zoneAwareLbSetting` regions always have their priorities, and the
 * proxy itself tells zones apart.
 *
 * @module
 */
import type { Locality, LocalityLbSetting, LocalityPattern, PriorityLabel } from "../model/locality.ts";
import type { ClusterLoadAssignment } from "../xds/proto/endpoint.ts";
import type { LocalityLbConfig } from "../xds/proto/load-balancing-policies.ts";
import type { Target } from "./destination.ts";

/** Endpoints of one locality and priority. */
export interface LocalityGroup {
  readonly locality: Locality | undefined;
  readonly targets: readonly Target[];
  readonly weight: number;
  /** 0 is first; the numbers have no gaps. */
  readonly priority: number;
}

/** Who calls, and by what. */
export interface LocalityView {
  readonly locality: Locality | undefined;
  readonly labels: Readonly<Record<string, string>>;
  readonly setting: LocalityLbSetting;
  readonly detectsOutliers: boolean;
}

/** In the order in which localities first appear. */
export function localityGroups(targets: readonly Target[], view: LocalityView): readonly LocalityGroup[] {
  const groups = grouped(targets);
  const { detectsOutliers, setting } = view;
  if (!setting.enabled) return groups;
  if (setting.zoneAware !== undefined) return nearestFirst(labelledGroups(groups, view), view);
  if (setting.distribute.length > 0) return distributed(groups, view);
  if (!detectsOutliers) return groups;
  if (setting.failoverPriority.length === 0) return nearestFirst(groups, view);
  const labelled = labelledGroups(groups, view);
  return setting.failover.length > 0 ? nearestFirst(labelled, view) : labelled;
}

const labelledGroups = (groups: readonly LocalityGroup[], view: LocalityView): readonly LocalityGroup[] =>
  view.setting.failoverPriority.length === 0 ? groups : withoutGaps(groups.flatMap((group) => byLabels(group, view)));

/**
 * How localities of one priority share: by their weights, where anything says where it is, or by zones. Without any, Envoy need not look.
 * Zones that are turned off are off in the proxy's words too, as in Istio: silence would turn them on.
 */
export function localityBalancing(
  { endpoints = [] }: ClusterLoadAssignment,
  { setting: { enabled, zoneAware } }: LocalityView,
): LocalityLbConfig | undefined {
  if (zoneAware !== undefined) {
    const { minClusterSize } = zoneAware;
    return { zoneAwareLbConfig: enabled ? { minClusterSize } : { routingEnabled: {} } };
  }
  const isPlaced = endpoints.some(({ locality }) => locality !== undefined);
  return enabled && isPlaced ? { localityWeightedLbConfig: {} } : undefined;
}

function grouped(targets: readonly Target[]): readonly LocalityGroup[] {
  const found = new Map<string, Target[]>();
  for (const target of targets) {
    const key = nameOf(target.locality);
    const group = found.get(key) ?? [];
    found.set(key, group);
    group.push(target);
  }
  return [...found.values()].map((group) => groupOf(group, 0));
}

const groupOf = (targets: readonly Target[], priority: number): LocalityGroup => ({
  locality: targets[0]?.locality,
  targets,
  weight: targets.reduce((sum, { weight }) => sum + weight, 0),
  priority,
});

const nameOf = (locality: Locality | undefined): string =>
  locality === undefined ? "" : `${locality.region}/${locality.zone}/${locality.subZone}`;

function distributed(groups: readonly LocalityGroup[], { locality, setting }: LocalityView): readonly LocalityGroup[] {
  const shares = setting.distribute.find(({ from }) => fits(locality, from));
  if (shares === undefined) return groups;
  const weights = new Map<LocalityGroup, number>();
  for (const { locality: to, weight } of shares.to) {
    const own = groups.filter((group) => !weights.has(group) && fits(group.locality, to));
    const total = own.reduce((sum, group) => sum + group.weight, 0);
    for (const group of own) weights.set(group, Math.ceil((group.weight * weight) / total));
  }
  return groups.flatMap((group) => {
    const weight = weights.get(group);
    return weight === undefined ? [] : [{ ...group, weight }];
  });
}

const part = (found: string, wanted: string): boolean => wanted === "*" || wanted === "" || found === wanted;

const fits = (locality: Locality | undefined, { region, zone, subZone }: LocalityPattern): boolean =>
  (region === "*" || locality?.region === region) &&
  part(locality?.zone ?? "", zone) &&
  part(locality?.subZone ?? "", subZone);

/** How many priorities nearness can give: {@link farness} is below it. */
const DISTANCES = 5;

function nearestFirst(groups: readonly LocalityGroup[], { locality, setting }: LocalityView): readonly LocalityGroup[] {
  return withoutGaps(
    groups.map((group) => ({
      ...group,
      priority: group.priority * DISTANCES + distance(locality, group.locality, setting),
    })),
  );
}

/** Within a region the proxy itself looks at zones, where it is to. */
function distance(from: Locality | undefined, to: Locality | undefined, setting: LocalityLbSetting): number {
  const far = farness(from, to, setting.failover);
  return setting.zoneAware !== undefined && far < OTHER_REGION ? 0 : far;
}

const OTHER_REGION = 3;

/** 0 in the same subzone, 1 zone, 2 region, 3 another region, 4 one that no `failover` names where one is for the caller. */
function farness(
  from: Locality | undefined,
  to: Locality | undefined,
  failover: LocalityLbSetting["failover"],
): number {
  const region = from?.region ?? "";
  if (region !== (to?.region ?? "")) {
    const named = failover.find((it) => it.from === region);
    return named === undefined || named.to === to?.region ? 3 : 4;
  }
  if ((from?.zone ?? "") !== (to?.zone ?? "")) return 2;
  return (from?.subZone ?? "") === (to?.subZone ?? "") ? 0 : 1;
}

/** One group for each number of labels that are the caller's, counted up to the first that is not. */
function byLabels(group: LocalityGroup, view: LocalityView): readonly LocalityGroup[] {
  const wanted = view.setting.failoverPriority;
  const own = { ...view.labels, ...topologyLabels(view.locality) };
  const found = new Map<number, Target[]>();
  for (const target of group.targets) {
    const priority = mismatch(wanted, own, { ...target.workload.labels, ...topologyLabels(target.locality) });
    const same = found.get(priority) ?? [];
    found.set(priority, same);
    same.push(target);
  }
  return [...found].sort(([a], [b]) => a - b).map(([priority, targets]) => groupOf(targets, priority));
}

type Labels = Readonly<Record<string, string | undefined>>;

function mismatch(wanted: readonly PriorityLabel[], caller: Labels, endpoint: Labels): number {
  const first = wanted.findIndex(({ label, value }) => (value ?? caller[label] ?? "") !== (endpoint[label] ?? ""));
  return first < 0 ? 0 : wanted.length - first;
}

/** As Istio adds them to the labels of whatever runs. */
function topologyLabels(locality: Locality | undefined): Labels {
  if (locality === undefined) return {};
  const labels: Record<string, string> = {};
  if (locality.region !== "") labels["topology.kubernetes.io/region"] = locality.region;
  if (locality.zone !== "") labels["topology.kubernetes.io/zone"] = locality.zone;
  if (locality.subZone !== "") labels["topology.istio.io/subzone"] = locality.subZone;
  return labels;
}

function withoutGaps(groups: readonly LocalityGroup[]): readonly LocalityGroup[] {
  const priorities = [...new Set(groups.map(({ priority }) => priority))].sort((a, b) => a - b);
  return groups.map((group) => ({ ...group, priority: priorities.indexOf(group.priority) }));
}

/**
 * Where something runs, and what callers make of it: Istio's localities and `localityLbSetting`.
 *
 * @module
 */

/** `region/zone/subzone`; parts that are not known are empty. */
export interface Locality {
  readonly region: string;
  readonly zone: string;
  readonly subZone: string;
}

/** `eu/eu-1/rack4`, as short as it can be. */
export const localityName = ({ region, zone, subZone }: Locality): string =>
  [region, zone, subZone].join("/").replace(/\/+$/, "");

/** At most one of `distribute` and the two kinds of failover is given; with none, failover is by nearness. */
export interface LocalityLbSetting {
  readonly enabled: boolean;
  /** The first whose `from` fits the caller holds: other localities get nothing. */
  readonly distribute: readonly LocalityShares[];
  /** Of regions: where calls go when the caller's own has nobody left; others come after it. */
  readonly failover: readonly { readonly from: string; readonly to: string }[];
  /** Labels, most important first: an endpoint that has more of the caller's, without a gap, goes first. */
  readonly failoverPriority: readonly PriorityLabel[];
  /** Set for Istio's `zoneAwareLbSetting`, whose `enabled` and failover stand above. */
  readonly zoneAware?: ZoneAware | undefined;
}

/** Calls stay in the caller's zone as far as that takes its part of them; regions are told apart by priorities. */
export interface ZoneAware {
  /** With fewer healthy endpoints in the region nobody looks at zones. Undefined: Envoy's 6. */
  readonly minClusterSize: number | undefined;
}

export interface LocalityShares {
  readonly from: LocalityPattern;
  readonly to: readonly { readonly locality: LocalityPattern; readonly weight: number }[];
}

/** `*` and empty parts fit anything. */
export type LocalityPattern = Locality;

export interface PriorityLabel {
  readonly label: string;
  /** What the endpoint must have; undefined: what the caller has. */
  readonly value: string | undefined;
}

/** As Istio: endpoints near the caller go first, where outliers are detected. */
export const defaultLocalityLbSetting: LocalityLbSetting = {
  enabled: true,
  distribute: [],
  failover: [],
  failoverPriority: [],
};

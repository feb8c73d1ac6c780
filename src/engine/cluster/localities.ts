/**
 * Which locality of a priority gets a request, where localities have weights or the own one comes first.
 *
 * Source: Envoy's locality weighted and zone aware load balancing, arithmetic included.
 *
 * @module
 */
import type { Locality, Metadata } from "../../xds/proto/core-base.ts";
import type { Endpoint } from "./endpoint.ts";

/** Endpoints of one locality, with their part of the load. */
export interface LocalityPart {
  /** Never empty. */
  readonly endpoints: readonly Endpoint[];
  /** Above 0. */
  readonly weight: number;
}

/** How a set spreads load over localities; undefined: it does not look at them. */
export type LocalityMode = { readonly t: "weighted" } | ZoneAware;

export interface ZoneAware {
  readonly t: "zoneAware";
  /** 0 to 100: of the picks that look at localities at all. */
  readonly routingPercent: number;
  /** With fewer healthy endpoints than this nobody looks at localities. */
  readonly minSize: number;
}

/** Who calls: the endpoints of this proxy's own service, and where this one of them is. */
export interface LocalPeers {
  readonly endpoints: readonly Endpoint[];
  readonly locality: Locality;
}

/**
 * Who calls through a cluster, where a proxy that several workloads share has to be told: our own metadata `tulle.local`, from our own translation.
 * Undefined: whoever the proxy stands for.
 */
export function callerIn(
  metadata: Metadata | undefined,
): { readonly clusterName: string; readonly locality: Locality } | undefined {
  const said = metadata?.filterMetadata?.["tulle.local"];
  if (said === undefined) return undefined;
  const text = (name: string): string => (typeof said[name] === "string" ? said[name] : "");
  return {
    clusterName: text("cluster"),
    locality: { region: text("region"), zone: text("zone"), subZone: text("subZone") },
  };
}

export const localityKey = (locality: Locality | undefined): string =>
  JSON.stringify([locality?.region ?? "", locality?.zone ?? "", locality?.subZone ?? ""]);

export function groupedByLocality(endpoints: readonly Endpoint[]): ReadonlyMap<string, readonly Endpoint[]> {
  const found = new Map<string, Endpoint[]>();
  for (const endpoint of endpoints) {
    const key = localityKey(endpoint.locality);
    const known = found.get(key);
    if (known === undefined) found.set(key, [endpoint]);
    else known.push(endpoint);
  }
  return found;
}

/**
 * The weight of each locality, less for those that have lost endpoints: as much as `overprovisioning` (140: until 71 % are left) does not
 * make up for. Localities without a weight get nothing. Undefined where nobody has a weight: then localities do not count.
 *
 * @param counted All of the priority that count.
 * @param eligible Those of them that may be used.
 */
export function weightedParts(
  counted: readonly Endpoint[],
  eligible: readonly Endpoint[],
  overprovisioning: number,
): readonly LocalityPart[] | undefined {
  const all = groupedByLocality(counted);
  const parts = [...groupedByLocality(eligible)].flatMap(([key, endpoints]) => {
    const total = all.get(key)?.length ?? 0;
    const available = total === 0 ? 0 : Math.min(1, ((overprovisioning / 100) * endpoints.length) / total);
    const weight = (endpoints[0]?.localityWeight ?? 0) * available;
    return weight > 0 ? [{ endpoints, weight }] : [];
  });
  return parts.length === 0 ? undefined : parts;
}

const UNITS = 10_000;

/**
 * Requests stay in the own locality as far as that takes its part of them; the rest goes to the others by what they have left.
 * Weights are chances. Undefined where localities cannot be looked at.
 *
 * @param healthy Of the first priority.
 */
export function zoneParts(
  { minSize, routingPercent }: ZoneAware,
  healthy: readonly Endpoint[],
  local: LocalPeers | undefined,
): readonly LocalityPart[] | undefined {
  if (local === undefined || healthy.length < minSize || local.endpoints.length === 0) return undefined;
  const upstream = groupedByLocality(healthy);
  const own = localityKey(local.locality);
  const peers = groupedByLocality(local.endpoints);
  const ownEndpoints = upstream.get(own);
  const ownPeers = peers.get(own);
  if (upstream.size < 2 || ownEndpoints === undefined || ownPeers === undefined) return undefined;
  const share = (some: number, all: number): number => Math.floor((some * UNITS) / all);
  const upstreamShare = share(ownEndpoints.length, healthy.length);
  const peerShare = share(ownPeers.length, local.endpoints.length);
  const mixed = (parts: readonly LocalityPart[]): readonly LocalityPart[] => {
    if (routingPercent === 100) return parts;
    const part = routingPercent / 100;
    return [...parts.map((it) => ({ ...it, weight: it.weight * part })), { endpoints: healthy, weight: 1 - part }];
  };
  if (upstreamShare >= peerShare) return mixed([{ endpoints: ownEndpoints, weight: 1 }]);
  const stays = Math.floor((upstreamShare * UNITS) / peerShare) / UNITS;
  const others = [...upstream].filter(([key]) => key !== own);
  const left = others.map(([key, endpoints]) =>
    Math.max(0, share(endpoints.length, healthy.length) - share(peers.get(key)?.length ?? 0, local.endpoints.length)),
  );
  const leftOver = left.reduce((sum, part) => sum + part, 0);
  const rest = others.map(([, endpoints], i) => ({
    endpoints,
    weight: leftOver === 0 ? (1 - stays) / others.length : ((1 - stays) * (left[i] ?? 0)) / leftOver,
  }));
  return mixed([{ endpoints: ownEndpoints, weight: stays }, ...rest].filter(({ weight }) => weight > 0));
}

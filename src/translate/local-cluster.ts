/**
 * The cluster of a proxy's own service: by it a proxy knows which part of all callers its zone has, for zone aware balancing.
 *
 * Source: Istio's `local_cluster`: who stands behind the services of the proxy's workload and has the same `pod-template-hash`, so that a
 * canary counts for itself. Envoy wants it among its static clusters, so it stands in the bootstrap, and only its endpoints are discovered.
 * They are never called.
 *
 * A proxy that several workloads share runs in several zones at once: there each caller has a cluster like that among those that are discovered, and
 * clusters that look at zones name it in their metadata. An Envoy does not read that, and spreads over all zones.
 *
 * @module
 */
import type { DestinationRule, TrafficPolicy } from "../model/destination-rule.ts";
import type { Locality } from "../model/locality.ts";
import { defaultLocalityLbSetting } from "../model/locality.ts";
import type { Mesh } from "../model/mesh.ts";
import type { Instance, Service, Workload } from "../model/service.ts";
import type { Cluster } from "../xds/proto/cluster.ts";
import type { Metadata, Locality as XdsLocality } from "../xds/proto/core-base.ts";
import type { ClusterLoadAssignment } from "../xds/proto/endpoint.ts";
import { placeOf, type Target } from "./destination.ts";
import { discovered } from "./discovery.ts";
import { loadAssignment } from "./endpoints.ts";
import { isBehind, serviceOf, servicesBefore } from "./mesh-index.ts";
import type { Scope } from "./scope.ts";
import { candidatesFor } from "./selected.ts";

/** Istio's name. */
const LOCAL_CLUSTER = "local_cluster";

/** What a bootstrap says of a proxy that runs somewhere; nothing of one that nobody says it of: it could not tell its zone from others. */
export function localBootstrap({
  workload: { locality },
}: Pick<Instance, "workload">):
  | { readonly name: string; readonly locality: XdsLocality; readonly cluster: Cluster }
  | undefined {
  if (locality === undefined) return undefined;
  return { name: LOCAL_CLUSTER, locality, cluster: { name: LOCAL_CLUSTER, ...discovered(LOCAL_CLUSTER) } };
}

const LOOKING = new WeakMap<readonly DestinationRule[], boolean>();

/** Whether any destination may be called by zones. */
export function looksAtZones({ destinationRules, settings }: Pick<Mesh, "destinationRules" | "settings">): boolean {
  if (settings.localityLbSetting.zoneAware !== undefined) return true;
  const known = LOOKING.get(destinationRules);
  if (known !== undefined) return known;
  const found = destinationRules.some((rule) => [rule, ...rule.subsets].some((it) => isByZones(it.trafficPolicy)));
  LOOKING.set(destinationRules, found);
  return found;
}

const isByZones = ({ loadBalancer, portLevel }: TrafficPolicy): boolean =>
  [loadBalancer, ...portLevel.map(({ policy }) => policy.loadBalancer)].some(
    (it) => it?.locality?.zoneAware !== undefined,
  );

/** What a cluster of a shared proxy says of its caller, besides what it says anyway. */
export function localMetadata({ locality, outboundSuffix }: Scope): NonNullable<Metadata["filterMetadata"]> {
  if (locality === undefined || outboundSuffix === "") return {};
  const { region, subZone, zone } = locality;
  return { "tulle.local": { cluster: LOCAL_CLUSTER + outboundSuffix, region, zone, subZone } };
}

/** Of a shared proxy. */
export const localCluster = ({ outboundSuffix }: Scope): Cluster => ({
  name: LOCAL_CLUSTER + outboundSuffix,
  ...discovered(LOCAL_CLUSTER + outboundSuffix),
});

const GROUPING_LABEL = "pod-template-hash";

/** Who answers for the services of `caller`, itself among them. Empty where it answers for none, as in Istio. */
export function localAssignment(
  mesh: Mesh,
  instances: readonly Instance[],
  caller: Workload,
  { outboundSuffix }: Scope,
  clusterId: string,
): ClusterLoadAssignment {
  const services = servicesBefore(mesh, caller).filter((service) => serviceOf(mesh, service.hostname) === service);
  const running = services
    .flatMap((service) =>
      candidatesFor(instances, (it) => it.workload, service).filter((it) => isBehind(service, it.workload)),
    )
    .flatMap((it) => instanceMember(it) ?? []);
  const group = caller.labels[GROUPING_LABEL];
  const members = [...running, ...services.flatMap(listedMembers)].filter(
    ({ workload }) => workload.labels[GROUPING_LABEL] === group,
  );
  const each = new Map(members.map((it) => [JSON.stringify(it.address), it]));
  return loadAssignment(LOCAL_CLUSTER + outboundSuffix, [...each.values()], EVERYWHERE, clusterId);
}

/** Neither priorities nor weights. */
const EVERYWHERE = {
  locality: undefined,
  labels: {},
  setting: { ...defaultLocalityLbSetting, enabled: false },
  detectsOutliers: false,
};

const member = (
  workload: Target["workload"],
  address: Target["address"],
  healthy: boolean,
  locality: Locality | undefined,
): Target => ({ workload, address, healthy, weight: 1, locality, takesMtls: false });

/** By any of its ports: it has to be told from others, not called. */
function instanceMember({ healthy, ports: [port], workload }: Instance): Target | undefined {
  return port && member(workload, port.inbound, healthy, workload.locality);
}

const listedMembers = ({ endpoints }: Service): readonly Target[] =>
  endpoints.flatMap((endpoint) => {
    const [port] = endpoint.ports.values();
    const { address, healthy, locality } = endpoint;
    return port === undefined || address === "" ? [] : [member(endpoint, placeOf(address, port), healthy, locality)];
  });

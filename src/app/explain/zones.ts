/**
 * What zone aware balancing makes of the endpoints of a destination, as one caller sees them.
 *
 * @module
 */
import type { CompiledCluster } from "../../engine/cluster/cluster.ts";
import type { Endpoint } from "../../engine/cluster/endpoint.ts";
import { isHealthy } from "../../engine/cluster/endpoint-groups.ts";
import { EndpointSet } from "../../engine/cluster/endpoints.ts";
import type { LocalPeers, LocalityPart } from "../../engine/cluster/localities.ts";
import type { Instance } from "../../model/service.ts";
import { localBootstrap } from "../../translate/local-cluster.ts";
import type { ProxyResources } from "../../translate/translate.ts";

/** The endpoints of the caller's own service, and where the caller is; undefined where nobody says that. */
export function peersOf(
  { caller }: CompiledCluster,
  { endpoints }: ProxyResources,
  from: Instance,
): LocalPeers | undefined {
  const said = localBootstrap(from);
  const own = caller ?? (said && { clusterName: said.name, locality: said.locality });
  if (own === undefined) return undefined;
  const set = new EndpointSet();
  set.update(endpoints.find(({ clusterName }) => clusterName === own.clusterName) ?? {});
  return { endpoints: set.all.filter(isHealthy), locality: own.locality };
}

/** Zones and their parts of the calls; undefined where zones are not looked at. */
export function zonesOf({ localities }: CompiledCluster, { groups }: EndpointSet): readonly LocalityPart[] | undefined {
  return localities?.t === "zoneAware" ? groups[0]?.parts : undefined;
}

/** Those that calls go to. */
export const calledIn = (zones: readonly LocalityPart[] | undefined, { usable }: EndpointSet): readonly Endpoint[] =>
  zones?.flatMap(({ endpoints }) => endpoints) ?? usable;

/** `its zone gets 33 % of the calls`. */
export function zoneInWords(zones: readonly LocalityPart[], isHere: (endpoint: Endpoint) => boolean): string {
  const total = zones.reduce((sum, { weight }) => sum + weight, 0);
  const own = zones.filter(({ endpoints }) => endpoints.some(isHere)).reduce((sum, { weight }) => sum + weight, 0);
  return own === 0
    ? "other zones take all calls from here"
    : `its zone gets ${Math.round((own / total) * 100)} % of the calls`;
}

/**
 * Where the opaque bytes of a captured connection to a service go: as for those of a loopback port (`../connections.ts`), but by the
 * addresses that they were meant for, which are known here.
 *
 * @module
 */
import { MESH_GATEWAY } from "../../model/gateway.ts";
import type { ConnectionDestination, ConnectionMatch } from "../../model/virtual-service.ts";
import type { CidrRange } from "../../xds/proto/core-address.ts";
import type { NetworkFilter } from "../../xds/proto/listener.ts";
import {
  type CalledService,
  type FilterFrom,
  isTls,
  proxyTo,
  serviceFilter,
  virtualServicesOf,
} from "../connections.ts";
import { attachedConnections } from "../gateway-api/service-parents.ts";
import { cidrRange } from "../rbac-principals.ts";
import { isFor } from "../routes.ts";
import type { Place } from "./place.ts";

/** Whom a service's connections are told by, beside its port. */
interface Told {
  /** The range of addresses that stands for it; undefined where an address of its own does, or nothing. */
  readonly range: string | undefined;
  /** Other services may be meant by the same address and port. */
  readonly isShared: boolean;
}

/** @param nowhere For what must not pass. */
export function addConnections(
  place: Place,
  from: FilterFrom,
  called: CalledService,
  told: Told,
  nowhere: NetworkFilter,
): void {
  const attached = attachedConnections(from, called.service, called.port.number);
  if (attached === undefined) return byRules(place, from, called, told);
  for (const { filter, sniHosts } of attached)
    if (sniHosts.length > 0) place.addMatched({ serverNames: sniHosts }, filter);
  const rest = attached.find(({ sniHosts }) => sniHosts.length === 0);
  addRest(place, told, () => rest?.filter ?? nowhere);
}

function byRules(place: Place, from: FilterFrom, called: CalledService, told: Told): void {
  if (isTls(called.port.protocol)) return byNames(place, from, called, told);
  const at = { gateway: MESH_GATEWAY, port: called.port.number };
  for (const { tcp } of virtualServicesOf(from.mesh, called.service))
    for (const { destinations, matches } of tcp)
      for (const match of matches.length === 0 ? [undefined] : matches.filter((it) => isHere(it, from, called))) {
        const subnets = match?.destinationSubnets ?? [];
        if (subnets.length === 0) return addRest(place, told, () => proxyTo(from, at, destinations));
        place.addMatched({ prefixRanges: rangesOf(subnets) }, proxyTo(from, at, destinations));
      }
  addRest(place, told, () => serviceFilter(from, called));
}

/** TLS that the application speaks itself. Where rules tell names apart, others have no way to the service. */
function byNames(place: Place, from: FilterFrom, called: CalledService, told: Told): void {
  const { hostname } = called.service;
  const named = namedRules(from, called);
  const at = { gateway: MESH_GATEWAY, port: called.port.number };
  for (const { destinations, match } of named) {
    const ranges = match.destinationSubnets.length === 0 ? {} : { prefixRanges: rangesOf(match.destinationSubnets) };
    place.addMatched({ ...ranges, serverNames: match.sniHosts }, proxyTo(from, at, destinations));
  }
  if (named.length > 0) return;
  if (told.isShared && told.range === undefined && hostname !== "*")
    return place.addMatched({ serverNames: [hostname] }, serviceFilter(from, called));
  addRest(place, told, () => serviceFilter(from, called));
}

interface NamedRule {
  readonly match: ConnectionMatch & { readonly sniHosts: readonly string[] };
  readonly destinations: readonly ConnectionDestination[];
}

const namedRules = (from: FilterFrom, called: CalledService): readonly NamedRule[] =>
  virtualServicesOf(from.mesh, called.service).flatMap(({ tls }) =>
    tls.flatMap(({ destinations, matches }) =>
      matches.filter((match) => isHere(match, from, called)).map((match) => ({ match, destinations })),
    ),
  );

function addRest(place: Place, { range }: Told, filter: () => NetworkFilter): void {
  if (range === undefined) place.addRest(filter);
  else place.addMatched({ prefixRanges: rangesOf([range]) }, filter());
}

const rangesOf = (ranges: readonly string[]): readonly CidrRange[] => ranges.map(cidrRange);

const isHere = (match: ConnectionMatch, { scope }: FilterFrom, { port }: CalledService): boolean =>
  isFor(match, { port: port.number, gateway: MESH_GATEWAY, scope });

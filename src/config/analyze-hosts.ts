/**
 * Hosts that rules are for: claimed twice, or nobody's.
 *
 * @module
 */
import { MESH_GATEWAY } from "../model/gateway.ts";
import type { Origin } from "../model/origin.ts";
import type { VirtualService } from "../model/virtual-service.ts";
import { type Finding, type MeshIndex, where } from "./mesh-index.ts";
import { quote } from "./tree.ts";

export function analyzeHosts(index: MeshIndex): readonly Finding[] {
  return [...sharedVirtualServices(index), ...sharedDestinationRules(index), ...unknownHosts(index)];
}

function sharedVirtualServices({ mesh }: MeshIndex): readonly Finding[] {
  const owners = new Map<string, Origin>();
  // Where they are seen by others, both have their effect.
  const keyOf = (host: string, { exportTo }: VirtualService): string => `${host} ${exportTo.toString()}`;
  // At a gateway the rules of one host stand together.
  const inMesh = mesh.virtualServices.filter((vs) => vs.gateways.includes(MESH_GATEWAY));
  return inMesh.flatMap((vs) =>
    vs.hosts.flatMap((host, i): readonly Finding[] => {
      const owner = owners.get(keyOf(host, vs));
      if (owner === undefined) owners.set(keyOf(host, vs), vs.origin);
      if (owner === undefined) return [];
      const path = vs.origin.kind === "TrafficSplit" ? "spec.service" : `spec.hosts[${i}]`;
      return [
        {
          severity: "error",
          origin: vs.origin,
          path,
          message: `the host ${quote(host)} is routed already, by ${where(owner)}: one of the two has no effect [IST0109]`,
        },
      ];
    }),
  );
}

function sharedDestinationRules({ mesh }: MeshIndex): readonly Finding[] {
  const owners = new Map<string, Origin>();
  return mesh.destinationRules.flatMap((rule): readonly Finding[] => {
    const { host, origin, exportTo, workloadSelector } = rule;
    const key = JSON.stringify([host, exportTo, workloadSelector]);
    const owner = owners.get(key);
    if (owner === undefined) owners.set(key, origin);
    if (owner === undefined) return [];
    return [
      {
        severity: "warning",
        origin: rule.origin,
        path: "spec.host",
        message: `${rule.host} has a rule already, ${where(owner)}: write one rule, since which of two traffic policies wins is not said`,
      },
    ];
  });
}

function unknownHosts(index: MeshIndex): readonly Finding[] {
  const { mesh, services } = index;
  const local = `.svc.${mesh.settings.clusterDomain}`;
  const unknown = (host: string): boolean => !host.startsWith("*") && !services.has(host);
  const inMesh = mesh.virtualServices.filter((vs) => vs.gateways.includes(MESH_GATEWAY));
  const routed = inMesh.flatMap((vs) =>
    vs.hosts.flatMap((host, i): readonly Finding[] => {
      if (!host.endsWith(local) || !unknown(host)) return [];
      const path = vs.origin.kind === "TrafficSplit" ? "spec.service" : `spec.hosts[${i}]`;
      return [
        {
          severity: "warning",
          origin: vs.origin,
          path,
          message: `no Service has the host ${quote(host)}, so these rules meet no calls`,
        },
      ];
    }),
  );
  const ruled = mesh.destinationRules.flatMap((rule): readonly Finding[] =>
    unknown(rule.host)
      ? [
          {
            severity: "warning",
            origin: rule.origin,
            path: "spec.host",
            message: `no Service has the host ${quote(rule.host)}, so the rule has no effect [IST0174]`,
          },
        ]
      : [],
  );
  return [...routed, ...ruled];
}

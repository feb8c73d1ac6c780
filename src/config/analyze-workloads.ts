/**
 * Labels that select nothing, and workloads that nobody can call.
 *
 * Only where the documents have workloads at all: elsewhere they are pods, which are not known here.
 *
 * @module
 */
import { selects } from "../model/match.ts";
import type { DestinationRule } from "../model/destination-rule.ts";
import type { AuthorizationPolicy, PeerAuthentication } from "../model/security.ts";
import type { Service, Workload } from "../model/service.ts";
import { type Finding, hostCovers, type MeshIndex } from "./mesh-index.ts";

export function analyzeWorkloads(index: MeshIndex): readonly Finding[] {
  const { mesh } = index;
  if (mesh.workloads.length === 0) return [];
  return [
    ...mesh.destinationRules.flatMap((rule) => emptySubsets(index, rule)),
    ...[...mesh.peerAuthentications, ...mesh.authorizationPolicies].flatMap((policy) => emptySelector(index, policy)),
    ...mesh.services.flatMap((service) => unservedPorts(index, service)),
    ...mesh.workloads.flatMap((workload) => uncalled(index, workload)),
  ];
}

function emptySubsets(index: MeshIndex, rule: DestinationRule): readonly Finding[] {
  const services = index.mesh.services.filter((s) => hostCovers(rule.host, s.hostname));
  if (services.length === 0) return [];
  const all = [...services.flatMap(index.workloadsOf), ...services.flatMap(({ endpoints }) => endpoints)];
  return rule.subsets.flatMap((subset, i): readonly Finding[] => {
    if (all.some((it) => selects(subset.labels, it.labels))) return [];
    const message = `the subset "${subset.name}" selects no workload of ${rule.host}, so calls sent to it fail [IST0173]`;
    return [{ severity: "error", origin: rule.origin, path: `spec.subsets[${i}].labels`, message }];
  });
}

function emptySelector(index: MeshIndex, policy: PeerAuthentication | AuthorizationPolicy): readonly Finding[] {
  const { selector, origin } = policy;
  if (selector === undefined) return [];
  const everywhere = origin.namespace === index.mesh.settings.rootNamespace;
  const selected = index.mesh.workloads.some(
    (w) => (everywhere || w.namespace === origin.namespace) && selects(selector, w.labels),
  );
  if (selected) return [];
  return [
    {
      severity: "warning",
      origin,
      path: "spec.selector",
      message: "selects no workload, so the policy has no effect [IST0127]",
    },
  ];
}

function unservedPorts(index: MeshIndex, service: Service): readonly Finding[] {
  // What documents list serves as well.
  if (Object.keys(service.selector).length === 0 || service.endpoints.length > 0) return [];
  const workloads = index.workloadsOf(service);
  if (workloads.length === 0) {
    return [
      {
        severity: "warning",
        origin: service.origin,
        path: "spec.selector",
        message: "selects no workload, so calls to the service fail [IST0127]",
      },
    ];
  }
  return service.ports.flatMap((port): readonly Finding[] => {
    if (workloads.some((w) => w.ports.length === 0 || w.ports.includes(port.targetPort))) return [];
    const message = `no workload that the service selects has port ${port.targetPort}, so calls to port ${port.number} fail`;
    return [{ severity: "warning", origin: service.origin, path: "spec.ports", message }];
  });
}

function uncalled(index: MeshIndex, workload: Workload): readonly Finding[] {
  if (workload.ports.length === 0 || workload.gateway !== undefined) return [];
  const called = index.mesh.services.some((s) => index.workloadsOf(s).includes(workload));
  if (called) return [];
  return [
    {
      severity: "warning",
      origin: workload.origin,
      path: "metadata.labels",
      message: "no Service selects this workload, so nothing can call it",
    },
  ];
}

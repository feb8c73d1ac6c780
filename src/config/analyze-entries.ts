/**
 * Hosts that several documents describe: what a ServiceEntry says that does not count; and WorkloadEntries with a name for services that look up
 * none.
 *
 * @module
 */
import type { ServiceEntry, WorkloadEntry } from "../model/external-service.ts";
import { selects } from "../model/match.ts";
import type { Service } from "../model/service.ts";
import { type Finding, type MeshIndex, where } from "./mesh-index.ts";
import { fits } from "./mesh-services.ts";
import { quote } from "./tree.ts";

export function analyzeEntries({ mesh }: MeshIndex): readonly Finding[] {
  const byHost = new Map(mesh.services.map((service) => [`${service.namespace} ${service.hostname}`, service]));
  return [
    ...mesh.serviceEntries.flatMap((entry) =>
      entry.hosts.flatMap((host) => {
        const service = byHost.get(`${entry.origin.namespace} ${host}`);
        return service === undefined || service.origin === entry.origin ? [] : besides(entry, host, service);
      }),
    ),
    ...mesh.workloadEntries.flatMap((entry) => leftOut(entry, mesh.services)),
  ];
}

function leftOut({ endpoint, origin }: WorkloadEntry, services: readonly Service[]): readonly Finding[] {
  const { address, labels, namespace } = endpoint;
  const without = services.filter(
    (service) =>
      service.namespace === namespace &&
      Object.keys(service.selector).length > 0 &&
      selects(service.selector, labels) &&
      !fits(service, endpoint),
  );
  return without.map((service) => ({
    severity: "warning",
    origin,
    path: "spec.address",
    message: `is no endpoint of ${quote(service.hostname)}, which looks up no names such as ${quote(address)}: write an IP address, or select it by a ServiceEntry with resolution DNS`,
  }));
}

/** The first document of a host says what the host is. */
function besides(entry: ServiceEntry, host: string, service: Service): readonly Finding[] {
  const stands = service.origin.kind === "Service" ? "a Kubernetes Service" : "the first entry of a host";
  const differing = (["resolution", "location"] as const).filter(
    (field) => entry[field] !== service[field] && !(service.source === "kubernetes" && field === "location"),
  );
  return differing.map((field) => ({
    severity: "warning",
    origin: entry.origin,
    path: `spec.${field}`,
    message: `${entry[field]} has no effect for ${quote(host)}, which is ${service[field]}: ${stands} says it, ${where(service.origin)}`,
  }));
}

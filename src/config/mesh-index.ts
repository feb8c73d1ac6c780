/**
 * A mesh by the keys that analysis asks for, and what it hands back.
 *
 * @module
 */
import type { DestinationRule } from "../model/destination-rule.ts";
import { selects } from "../model/match.ts";
import type { Mesh } from "../model/mesh.ts";
import type { Origin } from "../model/origin.ts";
import type { Service, Workload } from "../model/service.ts";

export interface Finding {
  readonly severity: "error" | "warning";
  readonly origin: Origin;
  readonly path: string;
  readonly message: string;
}

export interface MeshIndex {
  readonly mesh: Mesh;
  readonly services: ReadonlyMap<string, Service>;
  /** Rules for a host, wildcard hosts among them. */
  readonly rulesFor: (host: string) => readonly DestinationRule[];
  readonly workloadsOf: (service: Service) => readonly Workload[];
}

export function meshIndex(mesh: Mesh): MeshIndex {
  return {
    mesh,
    // The first of a host is the one that is called.
    services: new Map(mesh.services.map((s) => [s.hostname, s] as const).reverse()),
    rulesFor: (host) => mesh.destinationRules.filter((r) => hostCovers(r.host, host)),
    workloadsOf: (service) =>
      Object.keys(service.selector).length === 0
        ? []
        : mesh.workloads.filter((w) => w.namespace === service.namespace && selects(service.selector, w.labels)),
  };
}

/** Whether the host of a rule, which may be a wildcard, takes in a host. */
export const hostCovers = (wide: string, host: string): boolean =>
  wide === host || (wide.startsWith("*") && host.endsWith(wide.slice(1)));

/** `reviews.yaml:12`, for messages that name another document. */
export const where = (o: Origin): string => `${o.kind} ${o.namespace}/${o.name} at ${o.place.file}:${o.place.line}`;

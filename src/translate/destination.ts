/**
 * Who stands behind a destination: the endpoints and identities of a service port, or of a subset of it.
 *
 * @module
 */
import { selects } from "../model/match.ts";
import type { Mesh } from "../model/mesh.ts";
import type { Subset } from "../model/destination-rule.ts";
import {
  type Instance,
  type InstancePort,
  type Service,
  type ServicePort,
  spiffeIdOf,
  type Workload,
} from "../model/service.ts";
import { isBehind } from "./mesh-index.ts";
import { effectiveMtls } from "./peer-authentication.ts";

export interface Destination {
  readonly service: Service;
  readonly port: ServicePort;
  readonly subset: Subset | undefined;
}

/** An instance as the callers of a destination see it. */
export interface Target {
  readonly instance: Instance;
  readonly port: InstancePort;
  /** Whether its proxy takes mTLS there. */
  readonly takesMtls: boolean;
}

/** In the order of the instances. */
export function targetsOf(mesh: Mesh, instances: readonly Instance[], destination: Destination): readonly Target[] {
  return instances
    .filter((instance) => isPartOf(destination, instance.workload))
    .flatMap((instance) => {
      const port = instance.ports.find((p) => p.targetPort === destination.port.targetPort);
      if (port === undefined) return [];
      return [{ instance, port, takesMtls: hasProxy(port) && takesMtls(mesh, instance.workload, port.targetPort) }];
    });
}

/** SPIFFE IDs of the workloads behind a destination, sorted: of those that run, and of those that may come. */
export function identitiesOf(mesh: Mesh, instances: readonly Instance[], destination: Destination): readonly string[] {
  const workloads = [...mesh.workloads, ...instances.map((i) => i.workload)].filter((w) => isPartOf(destination, w));
  return [...new Set(workloads.map((w) => spiffeIdOf(mesh.settings.trustDomain, w)))].sort();
}

export function whoTakesMtls(
  mesh: Mesh,
  targets: readonly Target[],
  destination: Destination,
): "all" | "some" | "none" {
  const { targetPort } = destination.port;
  const answers =
    targets.length > 0
      ? targets.map((t) => t.takesMtls)
      : mesh.workloads.filter((w) => isPartOf(destination, w)).map((w) => takesMtls(mesh, w, targetPort));
  if (answers.every(Boolean)) return "all";
  return answers.some(Boolean) ? "some" : "none";
}

const takesMtls = (mesh: Mesh, workload: Workload, port: number): boolean =>
  effectiveMtls(mesh, workload, port).mode !== "DISABLE";

function isPartOf({ service, subset }: Destination, workload: Workload): boolean {
  return isBehind(service, workload) && (subset === undefined || selects(subset.labels, workload.labels));
}

/** Callers that dial the application itself meet no proxy. */
export function hasProxy({ inbound, application }: InstancePort): boolean {
  return inbound.port !== application.port || inbound.address !== application.address;
}

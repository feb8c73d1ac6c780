/**
 * Who stands behind a destination: the endpoints and identities of a service port, or of a subset of it.
 *
 * @module
 */
import type { Locality } from "../model/locality.ts";
import { selects } from "../model/match.ts";
import type { Mesh } from "../model/mesh.ts";
import type { Subset } from "../model/destination-rule.ts";
import {
  type Instance,
  type InstancePort,
  isCaptured,
  type Service,
  type ServiceEndpoint,
  type ServicePort,
  type SocketAddress,
  type UnixAddress,
  spiffeIdOf,
  type UdpPort,
  UNIX_PREFIX,
  type Workload,
} from "../model/service.ts";
import { isBehind, workloadsBehind } from "./mesh-index.ts";
import { effectiveMtls, type PolicySubject } from "../model/peer-authentication.ts";
import type { DescribedWorkload } from "./workload-metadata.ts";

export interface Destination {
  readonly service: Service;
  readonly port: ServicePort;
  readonly subset: Subset | undefined;
}

/** An endpoint as the callers of a destination see it: a port of an instance, or what a document lists. */
export interface Target {
  readonly workload: DescribedWorkload;
  readonly address: SocketAddress | UnixAddress;
  readonly healthy: boolean;
  /** At least 1. */
  readonly weight: number;
  readonly locality: Locality | undefined;
  /** Whether its proxy takes mTLS there. */
  readonly takesMtls: boolean;
}

/** In the order of the instances; endpoints of documents follow in theirs. */
export function targetsOf(mesh: Mesh, instances: readonly Instance[], destination: Destination): readonly Target[] {
  const { service, port, subset } = destination;
  const running = instances
    .filter((instance) => isPartOf(destination, instance.workload))
    .flatMap((instance) => {
      const at = instance.ports.find((p) => p.targetPort === port.targetPort);
      return at === undefined ? [] : [instanceTarget(mesh, service, instance, at)];
    });
  const listed = service.endpoints
    .filter(({ labels }) => subset === undefined || selects(subset.labels, labels))
    .flatMap((endpoint) => {
      const number = endpoint.ports.get(port.number);
      return number === undefined || endpoint.address === "" ? [] : [endpointTarget(service, endpoint, number)];
    });
  return [...running, ...listed];
}

/** As {@link targetsOf}, of a port for datagrams: at the applications themselves. */
export function udpTargetsOf(
  instances: readonly Instance[],
  service: Service,
  { number, targetPort }: UdpPort,
): readonly Target[] {
  const running = instances
    .filter(({ workload }) => isBehind(service, workload))
    .flatMap(({ workload, healthy, ports }): readonly Target[] => {
      const at = ports.find((port) => port.targetPort === targetPort);
      if (at === undefined) return [];
      // Where its proxy is reached the application is, on its own port.
      const address = { address: at.inbound.address, port: at.application.port };
      return [{ workload, address, healthy, weight: 1, locality: workload.locality, takesMtls: false }];
    });
  const listed = service.endpoints.flatMap((endpoint) => {
    const place = endpoint.udpPorts?.get(number);
    const isHere = place !== undefined && endpoint.address !== "" && !endpoint.address.startsWith(UNIX_PREFIX);
    return isHere ? [{ ...endpointTarget(service, endpoint, place), takesMtls: false }] : [];
  });
  return [...running, ...listed];
}

function instanceTarget(mesh: Mesh, service: Service, instance: Instance, port: InstancePort): Target {
  const { workload, healthy } = instance;
  const spoken = isInternal(service) && meetsProxy(instance, port) && takesMtls(mesh, workload, port.targetPort);
  return { workload, address: port.inbound, healthy, weight: 1, locality: workload.locality, takesMtls: spoken };
}

function endpointTarget(service: Service, endpoint: ServiceEndpoint, port: number): Target {
  const { address, healthy, locality, weight = 1 } = endpoint;
  return {
    workload: endpoint,
    address: placeOf(address, port),
    healthy,
    weight,
    locality,
    takesMtls: isInternal(service) && endpoint.takesMtls,
  };
}

/** Of an address as documents have it, which may be that of a unix socket. */
export const placeOf = (address: string, port: number): Target["address"] =>
  address.startsWith(UNIX_PREFIX) ? { path: address.slice(UNIX_PREFIX.length) } : { address, port };

/** Outside of the mesh nobody is taken to speak its mutual TLS. */
export const isInternal = ({ location }: Service): boolean => location === "MESH_INTERNAL";

/**
 * Names by which the servers behind a destination are known, sorted: SPIFFE IDs of the workloads that run and of those that may come, and those
 * that ServiceEntries give.
 */
export function identitiesOf(mesh: Mesh, instances: readonly Instance[], destination: Destination): readonly string[] {
  const { service } = destination;
  const workloads = [...workloadsBehind(mesh, service), ...instances.map((i) => i.workload)].filter((w) =>
    isPartOf(destination, w),
  );
  const listed = service.endpoints.flatMap(({ namespace, serviceAccount }) =>
    serviceAccount === undefined ? [] : [{ namespace, serviceAccount }],
  );
  const ids = [...workloads, ...listed].map((who) => spiffeIdOf(mesh.settings.trustDomain, who));
  return [...new Set([...ids, ...service.subjectAltNames])].sort();
}

export function whoTakesMtls(
  mesh: Mesh,
  targets: readonly Target[],
  destination: Destination,
): "all" | "some" | "none" {
  const {
    service,
    port: { targetPort },
  } = destination;
  if (!isInternal(service)) return "none";
  const declared = workloadsBehind(mesh, service).filter((w) => isPartOf(destination, w));
  const answers =
    targets.length > 0
      ? targets.map((t) => t.takesMtls)
      : (declared.length > 0 ? declared : [expected(destination)]).map((w) => takesMtls(mesh, w, targetPort));
  if (answers.every(Boolean)) return "all";
  return answers.some(Boolean) ? "some" : "none";
}

/** Whoever may come behind a destination that has nobody. */
const expected = ({ service, subset }: Destination): PolicySubject => ({
  namespace: service.namespace,
  labels: { ...service.selector, ...subset?.labels },
});

const takesMtls = (mesh: Mesh, workload: PolicySubject, port: number): boolean =>
  effectiveMtls(mesh, workload, port).mode !== "DISABLE";

function isPartOf({ service, subset }: Destination, workload: Workload): boolean {
  return isBehind(service, workload) && (subset === undefined || selects(subset.labels, workload.labels));
}

/** Whoever dials a captured workload, does so on its own place. */
const meetsProxy = (instance: Instance, port: InstancePort): boolean => isCaptured(instance) || hasProxy(port);

/** Callers that dial the application itself meet no proxy. */
export function hasProxy({ inbound, application }: InstancePort): boolean {
  return inbound.port !== application.port || inbound.address !== application.address;
}

/**
 * Lookups over a mesh, made once for each mesh value.
 *
 * @module
 */
import { MESH_GATEWAY } from "../model/gateway.ts";
import { selects } from "../model/match.ts";
import type { Mesh } from "../model/mesh.ts";
import type { Protocol, Service, ServicePort, Workload } from "../model/service.ts";
import type { VirtualService } from "../model/virtual-service.ts";
import { behind, lookUp } from "./reads.ts";
import { candidatesBefore, candidatesFor } from "./selected.ts";

export interface MeshIndex {
  /** One of each host: that of Kubernetes, or else the first. */
  readonly services: readonly Service[];
  readonly servicesByHost: ReadonlyMap<string, Service>;
  /** VirtualServices of the mesh's own proxies by each of their hosts; of a host's the first that has rules for the caller wins, as in Istio the oldest. */
  readonly virtualServicesByHost: ReadonlyMap<string, readonly VirtualService[]>;
  /** Wildcard hosts of VirtualServices, longest first. */
  readonly wildcards: readonly string[];
  /** Numbers of all service ports that may speak HTTP, rising. */
  readonly httpPorts: readonly number[];
}

const INDEXES = new WeakMap<Mesh, MeshIndex>();

export function indexOf(asked: Mesh): MeshIndex {
  const mesh = behind(asked, ["services", "virtualServices"]);
  const known = INDEXES.get(mesh);
  if (known !== undefined) return known;
  const index = build(mesh);
  INDEXES.set(mesh, index);
  return index;
}

function build(mesh: Mesh): MeshIndex {
  const byHost = new Map<string, VirtualService[]>();
  for (const virtualService of mesh.virtualServices.filter((it) => it.gateways.includes(MESH_GATEWAY)))
    for (const host of new Set(virtualService.hosts)) {
      const others = byHost.get(host);
      if (others === undefined) byHost.set(host, [virtualService]);
      else others.push(virtualService);
    }
  const servicesByHost = new Map<string, Service>();
  for (const service of mesh.services)
    if (!servicesByHost.has(service.hostname)) servicesByHost.set(service.hostname, service);
  const services = [...servicesByHost.values()];
  const httpPorts = services.flatMap((s) => s.ports.filter(maySpeakHttp).map((p) => p.number));
  return {
    services,
    servicesByHost,
    virtualServicesByHost: byHost,
    wildcards: [...byHost.keys()].filter(isWildcard).sort((a, b) => b.length - a.length || (a < b ? -1 : 1)),
    httpPorts: [...new Set(httpPorts)].sort((a, b) => a - b),
  };
}

export const isWildcard = (host: string): boolean => host.startsWith("*");

/** Whether `pattern`, a host or a wildcard, covers `host`. */
export const covers = (pattern: string, host: string): boolean =>
  pattern === host || (isWildcard(pattern) && host.endsWith(pattern.slice(1)));

/** Whether routes can be chosen by looking into requests: not where the application speaks TLS itself. */
export const maySpeakHttp = (port: Pick<ServicePort, "protocol">): boolean => mayBeHttp(port.protocol);
export const mayBeHttp = (protocol: Protocol): boolean => isHttp(protocol) || protocol === "auto";
export const mayBeTcp = (protocol: Protocol): boolean => !isHttp(protocol);
export const isHttp = (protocol: Protocol): boolean => ["http", "http2", "grpc"].includes(protocol);
export const isHttp2 = (protocol: Protocol): boolean => protocol === "http2" || protocol === "grpc";

/** The service of a host. */
export const serviceOf = (mesh: Mesh, host: string): Service | undefined => lookUp(mesh, serviceAt, host);

const serviceAt = (mesh: Mesh, host: string): Service | undefined => indexOf(mesh).servicesByHost.get(host);

/** As {@link virtualServicesOf}, of a mesh. */
export const virtualServicesFor = (mesh: Mesh, host: string): readonly VirtualService[] =>
  lookUp(mesh, virtualServicesIn, host);

const virtualServicesIn = (mesh: Mesh, host: string): readonly VirtualService[] =>
  virtualServicesOf(indexOf(mesh), host);

/** The VirtualServices that are bound to a Gateway, `namespace/name`, in their order. */
export const virtualServicesAt = (mesh: Mesh, gateway: string): readonly VirtualService[] =>
  lookUp(mesh, boundTo, gateway);

const boundTo = ({ virtualServices }: Mesh, gateway: string): readonly VirtualService[] =>
  virtualServices.filter(({ gateways }) => gateways.includes(gateway));

/** Of the workloads that documents name, those that answer for a service. */
export const workloadsBehind = (mesh: Mesh, service: Service): readonly Workload[] =>
  lookUp(mesh, workloadsOf, service);

const workloadsOf = ({ workloads }: Mesh, service: Service): readonly Workload[] =>
  candidatesFor(workloads, (it) => it, service).filter((workload) => isBehind(service, workload));

/** The services that `workload` answers for. */
export const servicesBefore = (mesh: Mesh, workload: Workload): readonly Service[] =>
  lookUp(mesh, servicesOf, workload);

const servicesOf = ({ services }: Mesh, workload: Workload): readonly Service[] =>
  candidatesBefore(services, workload).filter((service) => isBehind(service, workload));

const NONE: readonly never[] = [];

/**
 * The VirtualServices of a service's host as they come in question: those that name it, or else those with the longest wildcard over it.
 * As in Istio the wildcard's do not stand in where none of the others has a rule for the caller.
 */
export function virtualServicesOf(index: MeshIndex, host: string): readonly VirtualService[] {
  const exact = index.virtualServicesByHost.get(host);
  if (exact !== undefined) return exact;
  const wildcard = index.wildcards.find((pattern) => covers(pattern, host));
  return (wildcard === undefined ? undefined : index.virtualServicesByHost.get(wildcard)) ?? NONE;
}

/** Whether `workload` answers for `service`. A service without a selector selects nothing. */
export function isBehind(service: Service, workload: Workload): boolean {
  return (
    service.namespace === workload.namespace &&
    Object.keys(service.selector).length > 0 &&
    selects(service.selector, workload.labels)
  );
}

/**
 * The state of the mesh as the admin endpoint shows it. Reads, changes nothing.
 *
 * @module
 */
import type {
  CertificateStatus,
  InboundMode,
  MeshStatus,
  PolicyCounts,
  ProxyDetail,
  ProxyStatus,
  ProxyTypeStatus,
  PublicationStatus,
  ServiceStatus,
} from "../../admin/api.ts";
import type { DumpedConfig, DumpedResource } from "../../admin/config-dump.ts";
import type { Problem } from "../../base/problem.ts";
import type { CertificateAuthority } from "../../identity/authority.ts";
import type { Mesh } from "../../model/mesh.ts";
import type { Instance, Service } from "../../model/service.ts";
import type { Store } from "../../store/store.ts";
import { isBehind } from "../../translate/mesh-index.ts";
import type { Source, Sources } from "../../translate/source.ts";
import { TypeUrl } from "../../xds/resources.ts";
import type { AdsServer } from "../../xds/server/ads-server.ts";
import type { ClientStatus, TypeStatus } from "../../xds/server/status.ts";
import type { SnapshotCache } from "../../xds/snapshot-cache.ts";
import type { CertificateLedger } from "./certificate-ledger.ts";
import { shortType } from "./convergence.ts";
import { conditionedDocuments } from "./gateway-api-view.ts";
import { servedGateways } from "./gateway-view.ts";
import type { InstanceRegistry } from "./instance-registry.ts";
import type { Publication } from "./publications.ts";
import type { Publisher } from "./publisher.ts";
import type { MeshProxy } from "./roster.ts";

/** What the view looks at. */
export interface StatusParts {
  readonly version: string;
  readonly startedMs: number;
  readonly wallMs: () => number;
  readonly store: Store;
  readonly mesh: () => Mesh;
  readonly problems: () => readonly Problem[];
  readonly registry: InstanceRegistry;
  readonly publisher: Publisher;
  readonly cache: SnapshotCache;
  readonly ads: AdsServer;
  readonly authority: CertificateAuthority;
  readonly ledger: CertificateLedger;
  readonly ownCertificate: () => CertificateStatus | undefined;
}

export function meshStatus(parts: StatusParts): MeshStatus {
  const { store, authority, ads } = parts;
  const mesh = parts.mesh();
  const { documents, generation } = store.current;
  const countOf = (status: (typeof documents)[number]["status"]): number =>
    documents.filter((d) => d.status === status).length;
  return {
    controlPlane: {
      version: parts.version,
      trustDomain: authority.trustDomain,
      startedMs: parts.startedMs,
      nowMs: parts.wallMs(),
      certificate: parts.ownCertificate(),
    },
    authority: { rootNotAfterMs: authority.ends.rootMs, intermediateNotAfterMs: authority.ends.intermediateMs },
    documents: { generation, applied: countOf("applied"), kept: countOf("kept"), refused: countOf("refused") },
    policies: policyCounts(mesh),
    problems: parts.problems(),
    publication: publicationStatus(parts),
    ...gatewayViews(mesh, parts.registry.instances),
    services: mesh.services.map((service) => serviceStatus(service, parts.registry.instances)),
    proxies: parts.publisher.roster.map((proxy) => proxyStatus(parts, proxy)),
    rejections: ads.nacks.map(({ nodeId, typeUrl, version, reason, atMs }) => {
      return { nodeId, type: shortType(typeUrl), version, reason, atMs };
    }),
  };
}

/** Undefined where the mesh has no such proxy. */
export function proxyDetail(parts: StatusParts, id: string): ProxyDetail | undefined {
  const proxy = parts.publisher.roster.find((p) => p.id === id);
  if (proxy === undefined) return undefined;
  const sources = parts.publisher.sourcesOf(proxy.nodeId);
  return {
    ...proxyStatus(parts, proxy),
    inbound: inboundModes(sources),
    destinationRules: described(sources?.clusters ?? {}),
    authorizationPolicies: described(sources?.policies ?? {}),
  };
}

/** What a node should have; undefined where there is no such node. */
export function nodeConfig({ cache }: StatusParts, nodeId: string): DumpedConfig | undefined {
  const snapshot = cache.get(nodeId);
  if (snapshot === undefined) return undefined;
  const of = (typeUrl: string): readonly DumpedResource[] =>
    Array.from(snapshot.get(typeUrl).values(), ({ name, version, any }) => {
      return { name, version, any, lastUpdatedMs: undefined };
    });
  return {
    bootstrap: undefined,
    bootstrapLoadedMs: undefined,
    clusters: of(TypeUrl.cds),
    listeners: of(TypeUrl.lds),
    routes: of(TypeUrl.rds),
    endpoints: of(TypeUrl.eds),
    secrets: [],
  };
}

function gatewayViews(mesh: Mesh, instances: readonly Instance[]): Pick<MeshStatus, "gateways" | "gatewayApi"> {
  const gateways = instances.flatMap((instance) => servedGateways(mesh, instance));
  return { gateways, gatewayApi: conditionedDocuments(mesh, gateways) };
}

const policyCounts = (mesh: Mesh): PolicyCounts => ({
  virtualServices: mesh.virtualServices.length,
  destinationRules: mesh.destinationRules.length,
  peerAuthentications: mesh.peerAuthentications.length,
  authorizationPolicies: mesh.authorizationPolicies.length,
});

function publicationStatus({ publisher, ads }: StatusParts): PublicationStatus {
  const { publications, roster } = publisher;
  const { latest } = publications;
  const connected = new Set(ads.clients.map((c) => c.nodeId));
  return {
    version: latest?.version ?? 0,
    publishedMs: latest?.publishedMs,
    convergenceMs: convergenceMs(latest),
    proxies: roster.length,
    connected: roster.filter((p) => connected.has(p.nodeId)).length,
    acknowledged: publications.upToDate,
  };
}

/** Only of a change of documents: where proxies come or go, it would be the time that processes take to start. */
function convergenceMs(it: Publication | undefined): number | undefined {
  if (it?.cause !== "documents" || it.convergedMs === undefined) return undefined;
  return it.convergedMs - it.noticedMs;
}

function serviceStatus(service: Service, instances: readonly Instance[]): ServiceStatus {
  const { name, namespace, hostname, ports } = service;
  const behind = instances.filter((i) => isBehind(service, i.workload));
  return {
    name,
    namespace,
    hostname,
    ports: ports.map((port) => {
      const serving = behind.filter((i) => i.ports.some((p) => p.targetPort === port.targetPort));
      const listed = service.endpoints.filter((endpoint) => endpoint.ports.has(port.number));
      const healthy = [...serving, ...listed].filter((it) => it.healthy).length;
      return {
        name: port.name,
        number: port.number,
        protocol: port.protocol,
        endpoints: serving.length + listed.length,
        healthy,
      };
    }),
  };
}

function proxyStatus(parts: StatusParts, proxy: MeshProxy): ProxyStatus {
  const { id, nodeId, workload, namespace, spiffeId, instances } = proxy;
  const streams = parts.ads.clients.filter((c) => c.nodeId === nodeId);
  return {
    id,
    nodeId,
    workload,
    namespace,
    spiffeId,
    instances,
    connectedSinceMs: streams.length === 0 ? undefined : Math.min(...streams.map((s) => s.connectedSinceMs)),
    userAgent: streams.at(-1)?.userAgent,
    acknowledgedVersion: parts.publisher.publications.acknowledged(nodeId),
    types: typesOf(streams),
    certificates: certificatesOf(parts, proxy),
    problem: parts.publisher.failures.get(nodeId),
  };
}

/** Of the latest stream that has the type: an older one is on its way out. */
function typesOf(streams: readonly ClientStatus[]): readonly ProxyTypeStatus[] {
  const latest = new Map<string, TypeStatus>();
  for (const { types } of streams) for (const type of types) latest.set(type.typeUrl, type);
  return Array.from(latest.values(), (t) => ({
    type: shortType(t.typeUrl),
    state: t.state,
    resources: t.resources,
    sentVersion: t.sentVersion,
    acknowledgedVersion: t.ackedVersion,
    pushes: t.pushes,
    rejections: t.nacks,
    rejection: t.lastNack?.reason,
  }));
}

function certificatesOf({ ledger }: StatusParts, { id, spiffeId }: MeshProxy): readonly CertificateStatus[] {
  const own = (it: CertificateStatus): number => (it.spiffeId === spiffeId ? 0 : 1);
  return ledger
    .latestOf(id)
    .map(({ spiffeId, serial, issuedMs, notBeforeMs, notAfterMs }) => {
      return { spiffeId, serial, issuedMs, notBeforeMs, notAfterMs };
    })
    .sort((a, b) => own(a) - own(b));
}

function inboundModes(sources: Sources | undefined): readonly InboundMode[] {
  return Object.entries(sources?.inboundModes ?? {}).map(([listener, { mode, source }]) => ({
    listener,
    mode,
    source: source && describe(source),
  }));
}

const describe = ({ kind, namespace, name, file, line }: Source): string =>
  `${kind} ${namespace}/${name} (${file}:${line})`;

const described = (sources: Readonly<Record<string, Source>>): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(sources).map(([name, source]) => [name, describe(source)]));

/**
 * One document's tree to what it means, or nothing and its problems.
 *
 * @module
 */
import type { Problem } from "../base/problem.ts";
import { unreachable } from "../base/unreachable.ts";
import type { ConfigTest } from "../model/config-test.ts";
import type { RateLimit } from "../model/rate-limit.ts";
import type { BackendPolicy } from "../model/backend-policy.ts";
import type { DestinationRule } from "../model/destination-rule.ts";
import type { GatewayClass, KubernetesGateway, ListenerSet } from "../model/gateway-api/gateway.ts";
import type { BackendTlsPolicy, BackendTrafficPolicy, ReferenceGrant } from "../model/gateway-api/policy.ts";
import type { GrpcRoute, HttpRoute, TcpRoute, TlsRoute, UdpRoute } from "../model/gateway-api/route.ts";
import type { EndpointList, ServiceEntry, WorkloadEntry, WorkloadGroup } from "../model/external-service.ts";
import type { Credential, Gateway } from "../model/gateway.ts";
import type { MeshSettings } from "../model/mesh.ts";
import type { ConfigMap, Namespace } from "../model/namespace.ts";
import type { AuthorizationPolicy, PeerAuthentication } from "../model/security.ts";
import type { Service, Workload } from "../model/service.ts";
import type { Sidecar } from "../model/sidecar.ts";
import { readAuthorizationPolicy } from "./authorization-policy.ts";
import { CONFIG_MAP_FIELDS, readConfigMap } from "./config-map.ts";
import { readConfigTest } from "./config-test.ts";
import { readRateLimit } from "./rate-limit.ts";
import { readBackendPolicy } from "./backend-policy.ts";
import type { WrittenVirtualService } from "./delegates.ts";
import { readDestinationRule } from "./destination-rule.ts";
import {
  DEFAULT_NAMESPACE,
  type Document,
  type DocumentBody,
  type Metadata,
  readHeader,
  readMetadata,
} from "./document.ts";
import { ENDPOINTS_FIELDS, readEndpointSlice, readEndpoints, SLICE_FIELDS } from "./endpoint-slice.ts";
import { readGateway } from "./gateway.ts";
import { readBackendTlsPolicy } from "./gateway-api/backend-tls-policy.ts";
import { readBackendTrafficPolicy } from "./gateway-api/backend-traffic-policy.ts";
import { readTcpRoute, readTlsRoute, readUdpRoute } from "./gateway-api/connection-route.ts";
import { readGatewayClass } from "./gateway-api/gateway-class.ts";
import { readKubernetesGateway, readListenerSet } from "./gateway-api/gateway.ts";
import { readGrpcRoute } from "./gateway-api/grpc-route.ts";
import { readHttpRoute } from "./gateway-api/http-route.ts";
import { readReferenceGrant } from "./gateway-api/reference-grant.ts";
import { fateOf, type ReadKind } from "./kinds.ts";
import { readMeshSettings } from "./mesh-settings.ts";
import { readNamespace } from "./namespace.ts";
import { Node } from "./node.ts";
import { readPeerAuthentication } from "./peer-authentication.ts";
import { readSecret, SECRET_FIELDS } from "./secret.ts";
import { readService } from "./service.ts";
import { readSidecar } from "./sidecar.ts";
import { readServiceEntry } from "./service-entry.ts";
import {
  HTTP_ROUTE_GROUP_FIELDS,
  type HttpRouteGroup,
  readHttpRouteGroup,
  readSmiTcpRoute,
  type SmiTcpRoute,
} from "./smi/route-groups.ts";
import { type IdentityBinding, readIdentityBinding } from "./smi/identity-binding.ts";
import { readTrafficTarget, TRAFFIC_TARGET_FIELDS, type TrafficTarget } from "./smi/traffic-target.ts";
import { readTrafficSplit, type TrafficSplit } from "./traffic-split.ts";
import type { Tree } from "./tree.ts";
import { readVirtualService } from "./virtual-service.ts";
import { readWorkload } from "./workload.ts";
import { readWorkloadEntry, readWorkloadGroup } from "./workload-entry.ts";

/** What a document says. */
export type Meaning =
  | { readonly t: "VirtualService"; readonly value: WrittenVirtualService }
  | { readonly t: "DestinationRule"; readonly value: DestinationRule }
  | { readonly t: "BackendPolicy"; readonly value: BackendPolicy }
  | { readonly t: "Sidecar"; readonly value: Sidecar }
  | { readonly t: "RateLimit"; readonly value: RateLimit }
  | { readonly t: "Gateway"; readonly value: Gateway }
  /** Undefined for one that holds no certificate. */
  | { readonly t: "Secret"; readonly value: Credential | undefined }
  | { readonly t: "PeerAuthentication"; readonly value: PeerAuthentication }
  | { readonly t: "AuthorizationPolicy"; readonly value: AuthorizationPolicy }
  | { readonly t: "TrafficSplit"; readonly value: TrafficSplit }
  | { readonly t: "TrafficTarget"; readonly value: TrafficTarget }
  | { readonly t: "HTTPRouteGroup"; readonly value: HttpRouteGroup }
  | { readonly t: "SmiTcpRoute"; readonly value: SmiTcpRoute }
  /** Checked, and then of no use: the proxies carry no UDP. */
  | { readonly t: "SmiUdpRoute"; readonly value: SmiTcpRoute }
  | { readonly t: "IdentityBinding"; readonly value: IdentityBinding }
  | { readonly t: "GatewayClass"; readonly value: GatewayClass }
  | { readonly t: "KubernetesGateway"; readonly value: KubernetesGateway }
  | { readonly t: "ListenerSet"; readonly value: ListenerSet }
  | { readonly t: "HTTPRoute"; readonly value: HttpRoute }
  | { readonly t: "GRPCRoute"; readonly value: GrpcRoute }
  | { readonly t: "TLSRoute"; readonly value: TlsRoute }
  | { readonly t: "TCPRoute"; readonly value: TcpRoute }
  | { readonly t: "UDPRoute"; readonly value: UdpRoute }
  | { readonly t: "ReferenceGrant"; readonly value: ReferenceGrant }
  | { readonly t: "BackendTLSPolicy"; readonly value: BackendTlsPolicy }
  | { readonly t: "XBackendTrafficPolicy"; readonly value: BackendTrafficPolicy }
  | { readonly t: "ConfigMap"; readonly value: ConfigMap }
  | { readonly t: "Namespace"; readonly value: Namespace }
  | { readonly t: "Service"; readonly value: Service }
  | { readonly t: "EndpointSlice"; readonly value: EndpointList }
  | { readonly t: "Endpoints"; readonly value: EndpointList }
  | { readonly t: "ServiceEntry"; readonly value: ServiceEntry }
  | { readonly t: "WorkloadEntry"; readonly value: WorkloadEntry }
  | { readonly t: "WorkloadGroup"; readonly value: WorkloadGroup }
  | { readonly t: "Workload"; readonly value: Workload }
  | { readonly t: "Mesh"; readonly value: MeshSettings }
  | { readonly t: "ConfigTest"; readonly value: ConfigTest };

export interface ReadDocument {
  readonly document: Document;
  /** Undefined unless the document is applied. */
  readonly meaning: Meaning | undefined;
  readonly problems: readonly Problem[];
}

const FIELDS = ["apiVersion", "kind", "metadata", "spec", "status"] as const;

/** Kinds whose fields stand beside metadata, under no spec, or stood there once. */
const OWN_FIELDS: Partial<Record<ReadKind, readonly string[]>> = {
  ConfigMap: CONFIG_MAP_FIELDS,
  Secret: SECRET_FIELDS,
  EndpointSlice: SLICE_FIELDS,
  Endpoints: ENDPOINTS_FIELDS,
  HTTPRouteGroup: HTTP_ROUTE_GROUP_FIELDS,
  TrafficTarget: TRAFFIC_TARGET_FIELDS,
};

/** Reads one document. Pure; never throws. */
export function readDocument(tree: Tree, settings: MeshSettings): ReadDocument {
  const known = READ.get(tree) ?? new WeakMap<MeshSettings, ReadDocument>();
  READ.set(tree, known);
  const read = known.get(settings) ?? readAnew(tree, settings);
  known.set(settings, read);
  return read;
}

/** A file that has not changed keeps its trees, and what they mean: it is the same value as the last time. */
const READ = new WeakMap<Tree, WeakMap<MeshSettings, ReadDocument>>();

function readAnew(tree: Tree, settings: MeshSettings): ReadDocument {
  const problems: Problem[] = [];
  const report = once(problems);
  const header = readHeader(tree, report);
  const identity = identityOf(tree);
  const base = { place: tree.place, tree, ...identity, apiVersion: header?.apiVersion ?? "", kind: header?.kind ?? "" };
  const ended = (status: Document["status"]): ReadDocument => ({
    document: { ...base, status },
    meaning: undefined,
    problems,
  });
  if (header === undefined) return ended("refused");

  const fate = fateOf(header.apiVersion, header.kind);
  if (fate.t === "skip") {
    report({ severity: "warning", place: tree.place, path: "", message: fate.reason });
    return ended("skipped");
  }
  const node = new Node(tree, report);
  const fields = node.fields({ known: fieldsOf(fate) });
  if (fate.t === "refuse") {
    problems.length = 0;
    fields.at(fate.field)?.fail(fate.reason);
    return ended("refused");
  }
  const metadata = fields.required("metadata", readMetadata, {
    name: "nameless",
    namespace: "default",
    labels: {},
    annotations: {},
    createdAtMs: undefined,
    generation: undefined,
  });
  const meaning = readBody(fate.kind, {
    metadata,
    origin: originOf(base, metadata),
    settings,
    node,
    spec: fields.at("spec"),
  });
  const refused = problems.some((p) => p.severity === "error");
  return refused
    ? ended("refused")
    : { document: { ...base, ...pick(metadata), status: "applied" }, meaning, problems };
}

function fieldsOf(fate: ReturnType<typeof fateOf>): readonly string[] {
  return fate.t === "read" ? (OWN_FIELDS[fate.kind] ?? FIELDS) : FIELDS;
}

/** What several rows of a table share is read with each of them. */
function once(problems: Problem[]): (problem: Problem) => void {
  const known = new Set<string>();
  return (problem) => {
    const { place, path, message } = problem;
    const key = `${place.line}:${place.column} ${path} ${message}`;
    if (known.has(key)) return;
    known.add(key);
    problems.push(problem);
  };
}

const pick = ({ name, namespace }: Metadata): Pick<Metadata, "name" | "namespace"> => ({ name, namespace });

const originOf = (base: Pick<Document, "kind" | "place">, metadata: Metadata): DocumentBody["origin"] => ({
  kind: base.kind,
  namespace: metadata.namespace,
  name: metadata.name,
  place: base.place,
  createdAtMs: metadata.createdAtMs,
});

/** Name and namespace as far as they can be made out, so that even a refused document can be named. */
function identityOf(tree: Tree): { readonly name: string; readonly namespace: string } {
  const metadata = tree.t === "map" ? tree.entries.get("metadata")?.value : undefined;
  const field = (name: string): string => {
    const value = metadata?.t === "map" ? metadata.entries.get(name)?.value : undefined;
    return value?.t === "scalar" && typeof value.value === "string" ? value.value : "";
  };
  return { name: field("name"), namespace: field("namespace") || DEFAULT_NAMESPACE };
}

function readBody(kind: ReadKind, body: DocumentBody): Meaning {
  switch (kind) {
    case "Sidecar":
      return { t: kind, value: readSidecar(body) };
    case "VirtualService":
      return { t: kind, value: readVirtualService(body) };
    case "ConfigTest":
      return { t: kind, value: readConfigTest(body) };
    case "DestinationRule":
      return { t: kind, value: readDestinationRule(body) };
    case "RateLimit":
      return { t: kind, value: readRateLimit(body) };
    case "BackendPolicy":
      return { t: kind, value: readBackendPolicy(body) };
    case "Gateway":
      return { t: kind, value: readGateway(body) };
    case "Secret":
      return { t: kind, value: readSecret(body) };
    case "PeerAuthentication":
      return { t: kind, value: readPeerAuthentication(body) };
    case "AuthorizationPolicy":
      return { t: kind, value: readAuthorizationPolicy(body) };
    case "TrafficTarget":
      return { t: kind, value: readTrafficTarget(body) };
    case "HTTPRouteGroup":
      return { t: kind, value: readHttpRouteGroup(body) };
    case "SmiTcpRoute":
    case "SmiUdpRoute":
      return { t: kind, value: readSmiTcpRoute(body) };
    case "IdentityBinding":
      return { t: kind, value: readIdentityBinding(body) };
    case "TrafficSplit":
      return { t: kind, value: readTrafficSplit(body) };
    case "GatewayClass":
      return { t: kind, value: readGatewayClass(body) };
    case "KubernetesGateway":
      return { t: kind, value: readKubernetesGateway(body) };
    case "ListenerSet":
      return { t: kind, value: readListenerSet(body) };
    case "HTTPRoute":
      return { t: kind, value: readHttpRoute(body) };
    case "GRPCRoute":
      return { t: kind, value: readGrpcRoute(body) };
    case "TLSRoute":
      return { t: kind, value: readTlsRoute(body) };
    case "TCPRoute":
      return { t: kind, value: readTcpRoute(body) };
    case "UDPRoute":
      return { t: kind, value: readUdpRoute(body) };
    case "ReferenceGrant":
      return { t: kind, value: readReferenceGrant(body) };
    case "BackendTLSPolicy":
      return { t: kind, value: readBackendTlsPolicy(body) };
    case "XBackendTrafficPolicy":
      return { t: kind, value: readBackendTrafficPolicy(body) };
    case "ConfigMap":
      return { t: kind, value: readConfigMap(body) };
    case "Namespace":
      return { t: kind, value: readNamespace(body) };
    case "Service":
      return { t: kind, value: readService(body) };
    case "EndpointSlice":
      return { t: kind, value: readEndpointSlice(body) };
    case "Endpoints":
      return { t: kind, value: readEndpoints(body) };
    case "ServiceEntry":
      return { t: kind, value: readServiceEntry(body) };
    case "WorkloadEntry":
      return { t: kind, value: readWorkloadEntry(body) };
    case "WorkloadGroup":
      return { t: kind, value: readWorkloadGroup(body) };
    case "Workload":
      return { t: kind, value: readWorkload(body) };
    case "Mesh":
      return { t: kind, value: readMeshSettings(body) };
    default:
      return unreachable(kind);
  }
}

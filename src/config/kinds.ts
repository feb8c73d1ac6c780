/**
 * The kinds of documents that are known, and what is done with each.
 *
 * @module
 */
import { didYouMean } from "./did-you-mean.ts";
import { quote } from "./tree.ts";

/** Kinds that are read into the model. */
export type ReadKind =
  | "AuthorizationPolicy"
  | "BackendPolicy"
  | "RateLimit"
  | "BackendTLSPolicy"
  | "XBackendTrafficPolicy"
  | "ConfigMap"
  | "ConfigTest"
  | "DestinationRule"
  | "GRPCRoute"
  | "EndpointSlice"
  | "Endpoints"
  | "Gateway"
  | "GatewayClass"
  | "HTTPRoute"
  | "HTTPRouteGroup"
  /** The Gateway API's kind `Gateway`. */
  | "KubernetesGateway"
  | "ListenerSet"
  | "Mesh"
  | "Namespace"
  | "PeerAuthentication"
  | "ReferenceGrant"
  | "Secret"
  | "Service"
  | "Sidecar"
  | "TCPRoute"
  | "TLSRoute"
  | "ServiceEntry"
  /** SMI's kind `TCPRoute`. */
  | "SmiTcpRoute"
  | "SmiUdpRoute"
  | "IdentityBinding"
  | "TrafficSplit"
  | "TrafficTarget"
  | "UDPRoute"
  | "VirtualService"
  | "Workload"
  | "WorkloadEntry"
  | "WorkloadGroup";

interface Api {
  readonly group: string;
  /** As documents write it. @default the name that it has here */
  readonly kind?: string;
  /** The version to recommend. */
  readonly version: string;
  readonly versions: RegExp;
}

const ANY_VERSION = /^v1((alpha|beta)\d+)?$/;
const istio = (group: string): Api => ({ group, version: "v1", versions: ANY_VERSION });
const smiSpecs: Api = { group: "specs.smi-spec.io", version: "v1alpha4", versions: /^v1alpha[1-4]$/ };
const core: Api = { group: "", version: "v1", versions: /^v1$/ };
const gatewayApi: Api = { group: "gateway.networking.k8s.io", version: "v1", versions: /^v1((alpha|beta)\d+)?$/ };

const READ: Readonly<Record<ReadKind, Api>> = {
  VirtualService: istio("networking.istio.io"),
  DestinationRule: istio("networking.istio.io"),
  Gateway: istio("networking.istio.io"),
  ServiceEntry: istio("networking.istio.io"),
  Sidecar: istio("networking.istio.io"),
  WorkloadEntry: istio("networking.istio.io"),
  WorkloadGroup: istio("networking.istio.io"),
  PeerAuthentication: istio("security.istio.io"),
  AuthorizationPolicy: istio("security.istio.io"),
  TrafficSplit: { group: "split.smi-spec.io", version: "v1alpha4", versions: /^v1alpha[1-4]$/ },
  GatewayClass: gatewayApi,
  KubernetesGateway: { ...gatewayApi, kind: "Gateway" },
  ListenerSet: gatewayApi,
  HTTPRoute: gatewayApi,
  GRPCRoute: gatewayApi,
  TLSRoute: gatewayApi,
  TCPRoute: gatewayApi,
  UDPRoute: gatewayApi,
  ReferenceGrant: gatewayApi,
  BackendTLSPolicy: gatewayApi,
  XBackendTrafficPolicy: { group: "gateway.networking.x-k8s.io", version: "v1alpha1", versions: /^v1alpha1$/ },
  HTTPRouteGroup: smiSpecs,
  SmiTcpRoute: { ...smiSpecs, kind: "TCPRoute" },
  SmiUdpRoute: { ...smiSpecs, kind: "UDPRoute" },
  IdentityBinding: { group: "access.smi-spec.io", version: "v1alpha4", versions: /^v1alpha4$/ },
  TrafficTarget: { group: "access.smi-spec.io", version: "v1alpha3", versions: /^v1alpha[1-4]$/ },
  Secret: core,
  Service: core,
  ConfigMap: core,
  Namespace: core,
  Endpoints: core,
  EndpointSlice: { group: "discovery.k8s.io", version: "v1", versions: /^v1(beta1)?$/ },
  Workload: { group: "tulle.dev", version: "v1", versions: /^v1$/ },
  ConfigTest: { group: "tulle.dev", version: "v1", versions: /^v1$/ },
  RateLimit: { group: "tulle.dev", version: "v1", versions: /^v1$/ },
  BackendPolicy: { group: "tulle.dev", version: "v1", versions: /^v1$/ },
  Mesh: { group: "tulle.dev", version: "v1", versions: /^v1$/ },
};

const APIS = (Object.keys(READ) as readonly ReadKind[]).map((read) => ({
  ...READ[read],
  read,
  kind: READ[read].kind ?? read,
}));

/** Kinds that mean something to a mesh and that we do not read yet: passing over one could open or break a path. */
const UNSUPPORTED: Readonly<Record<string, readonly string[]>> = {
  "networking.istio.io": ["EnvoyFilter", "ProxyConfig"],
  "security.istio.io": ["RequestAuthentication"],
  "telemetry.istio.io": ["Telemetry"],
  "extensions.istio.io": ["TrafficExtension", "WasmPlugin"],
  "gateway.networking.x-k8s.io": ["XBackend", "XListenerSet", "XMesh"],
  "metrics.smi-spec.io": ["TrafficMetrics"],
};

/** Kinds that say nothing to a mesh. An empty list: every kind of the group. */
const SKIPPED: Readonly<Record<string, readonly string[]>> = {
  "": [
    "LimitRange",
    "Node",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "Pod",
    "PodTemplate",
    "ReplicationController",
    "ResourceQuota",
    "ServiceAccount",
  ],
  "admissionregistration.k8s.io": [],
  "apiextensions.k8s.io": [],
  "apiregistration.k8s.io": [],
  apps: [],
  autoscaling: [],
  batch: [],
  "cert-manager.io": [],
  "certificates.k8s.io": [],
  "coordination.k8s.io": [],
  "install.istio.io": [],
  "kustomize.config.k8s.io": [],
  "monitoring.coreos.com": [],
  "networking.k8s.io": [],
  "node.k8s.io": [],
  policy: [],
  "rbac.authorization.k8s.io": [],
  "scheduling.k8s.io": [],
  "storage.k8s.io": [],
};

export type Fate =
  | { readonly t: "read"; readonly kind: ReadKind }
  | { readonly t: "skip"; readonly reason: string }
  | { readonly t: "refuse"; readonly field: "apiVersion" | "kind"; readonly reason: string };

/** What becomes of a document of this kind. */
export function fateOf(apiVersion: string, kind: string): Fate {
  const slash = apiVersion.indexOf("/");
  const group = slash < 0 ? "" : apiVersion.slice(0, slash);
  const version = apiVersion.slice(slash + 1);
  const apis = APIS.filter((api) => api.kind === kind);
  const api = apis.find((a) => a.group === group);
  if (api !== undefined) {
    if (api.versions.test(version)) return { t: "read", kind: api.read };
    return refuse("apiVersion", `the kind ${kind} must have apiVersion ${apiName(api)}, found ${quote(apiVersion)}`);
  }
  if (own(UNSUPPORTED, group)?.includes(kind)) return refuse("kind", `${kind} (${group}) is not supported yet`);
  const skipped = own(SKIPPED, group);
  if (skipped?.length === 0 || skipped?.includes(kind))
    return { t: "skip", reason: `${kind} is skipped: it says nothing to the mesh` };
  if (apis.length > 0) {
    const names = apis.map(apiName).join(" or ");
    return refuse("apiVersion", `the kind ${kind} must have apiVersion ${names}, found ${quote(apiVersion)}`);
  }
  return unknown(group, kind);
}

function unknown(group: string, kind: string): Fate {
  const home = Object.entries(UNSUPPORTED).find(([, kinds]) => kinds.includes(kind))?.[0];
  if (home !== undefined)
    return refuse("apiVersion", `the kind ${kind} belongs to the group ${home}, found ${quote(group)}`);
  const candidates = [...APIS.map((api) => api.kind), ...Object.values(UNSUPPORTED).flat(), ...(SKIPPED[""] ?? [])];
  return refuse(
    "kind",
    `unknown kind ${quote(kind)} in ${group === "" ? "the core group" : quote(group)}${didYouMean(kind, candidates)}`,
  );
}

const apiName = (api: Api): string => (api.group === "" ? api.version : `${api.group}/${api.version}`);
const refuse = (field: "apiVersion" | "kind", reason: string): Fate => ({ t: "refuse", field, reason });
const own = (table: Readonly<Record<string, readonly string[]>>, key: string): readonly string[] | undefined =>
  Object.hasOwn(table, key) ? table[key] : undefined;

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
  | "DestinationRule"
  | "Gateway"
  | "Mesh"
  | "PeerAuthentication"
  | "Secret"
  | "Service"
  | "TrafficSplit"
  | "VirtualService"
  | "Workload";

interface Api {
  readonly group: string;
  /** The version to recommend. */
  readonly version: string;
  readonly versions: RegExp;
}

const ANY_VERSION = /^v1((alpha|beta)\d+)?$/;
const istio = (group: string): Api => ({ group, version: "v1", versions: ANY_VERSION });

const READ: Readonly<Record<ReadKind, Api>> = {
  VirtualService: istio("networking.istio.io"),
  DestinationRule: istio("networking.istio.io"),
  Gateway: istio("networking.istio.io"),
  PeerAuthentication: istio("security.istio.io"),
  AuthorizationPolicy: istio("security.istio.io"),
  TrafficSplit: { group: "split.smi-spec.io", version: "v1alpha4", versions: /^v1alpha[1-4]$/ },
  Secret: { group: "", version: "v1", versions: /^v1$/ },
  Service: { group: "", version: "v1", versions: /^v1$/ },
  Workload: { group: "tulle.dev", version: "v1", versions: /^v1$/ },
  Mesh: { group: "tulle.dev", version: "v1", versions: /^v1$/ },
};

/** Kinds that mean something to a mesh and that we do not read yet: passing over one could open or break a path. */
const UNSUPPORTED: Readonly<Record<string, readonly string[]>> = {
  "networking.istio.io": ["EnvoyFilter", "ProxyConfig", "ServiceEntry", "Sidecar", "WorkloadEntry", "WorkloadGroup"],
  "security.istio.io": ["RequestAuthentication"],
  "telemetry.istio.io": ["Telemetry"],
  "extensions.istio.io": ["TrafficExtension", "WasmPlugin"],
  "gateway.networking.k8s.io": [
    "BackendTLSPolicy",
    "GRPCRoute",
    "Gateway",
    "GatewayClass",
    "HTTPRoute",
    "ListenerSet",
    "ReferenceGrant",
    "TCPRoute",
    "TLSRoute",
    "UDPRoute",
  ],
  "gateway.networking.x-k8s.io": ["XBackend", "XBackendTrafficPolicy", "XListenerSet", "XMesh"],
  "access.smi-spec.io": ["TrafficTarget"],
  "specs.smi-spec.io": ["HTTPRouteGroup", "TCPRoute", "UDPRoute"],
  "metrics.smi-spec.io": ["TrafficMetrics"],
  "discovery.k8s.io": ["EndpointSlice"],
};

/** Kinds that say nothing to a mesh. An empty list: every kind of the group. */
const SKIPPED: Readonly<Record<string, readonly string[]>> = {
  "": [
    "ConfigMap",
    "LimitRange",
    "Namespace",
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
  const api = isReadKind(kind) ? READ[kind] : undefined;
  if (isReadKind(kind) && api?.group === group) return versioned(kind, api, version, apiVersion);
  if (own(UNSUPPORTED, group)?.includes(kind)) return refuse("kind", `${kind} (${group}) is not supported yet`);
  const skipped = own(SKIPPED, group);
  if (skipped?.length === 0 || skipped?.includes(kind))
    return { t: "skip", reason: `${kind} is skipped: it says nothing to the mesh` };
  if (api !== undefined)
    return refuse("apiVersion", `the kind ${kind} must have apiVersion ${apiName(api)}, found ${quote(apiVersion)}`);
  return unknown(group, kind);
}

function versioned(kind: ReadKind, api: Api, version: string, apiVersion: string): Fate {
  if (api.versions.test(version)) return { t: "read", kind };
  return refuse("apiVersion", `the kind ${kind} must have apiVersion ${apiName(api)}, found ${quote(apiVersion)}`);
}

function unknown(group: string, kind: string): Fate {
  const home = Object.entries(UNSUPPORTED).find(([, kinds]) => kinds.includes(kind))?.[0];
  if (home !== undefined)
    return refuse("apiVersion", `the kind ${kind} belongs to the group ${home}, found ${quote(group)}`);
  const candidates = [...Object.keys(READ), ...Object.values(UNSUPPORTED).flat(), ...(SKIPPED[""] ?? [])];
  return refuse(
    "kind",
    `unknown kind ${quote(kind)} in ${group === "" ? "the core group" : quote(group)}${didYouMean(kind, candidates)}`,
  );
}

const apiName = (api: Api): string => (api.group === "" ? api.version : `${api.group}/${api.version}`);
const refuse = (field: "apiVersion" | "kind", reason: string): Fate => ({ t: "refuse", field, reason });
const isReadKind = (kind: string): kind is ReadKind => Object.hasOwn(READ, kind);
const own = (table: Readonly<Record<string, readonly string[]>>, key: string): readonly string[] | undefined =>
  Object.hasOwn(table, key) ? table[key] : undefined;

/**
 * Everything an operator said, as one immutable and already valid value.
 *
 * @module
 */
import type { BackendPolicy } from "./backend-policy.ts";
import type { DestinationRule } from "./destination-rule.ts";
import type { GatewayApiDocuments } from "./gateway-api/documents.ts";
import type { ServiceEntry, WorkloadEntry, WorkloadGroup } from "./external-service.ts";
import { type Credential, type Gateway, type GatewayTopology, noTopology } from "./gateway.ts";
import { defaultLocalityLbSetting, type LocalityLbSetting } from "./locality.ts";
import type { ConfigMap, Namespace } from "./namespace.ts";
import type { RateLimit } from "./rate-limit.ts";
import type { AuthorizationPolicy, PeerAuthentication } from "./security.ts";
import type { Service, Workload } from "./service.ts";
import type { DefaultVisibility } from "./visibility.ts";
import type { Sidecar } from "./sidecar.ts";
import type { Retries, VirtualService } from "./virtual-service.ts";

export interface MeshSettings {
  /** Default `cluster.local`. */
  readonly trustDomain: string;
  /** Suffix of service host names. Default `cluster.local`. */
  readonly clusterDomain: string;
  /** Policies here hold for the whole mesh. Default `istio-system`. */
  readonly rootNamespace: string;
  /**
   * How long both sides of a connection to a port of unknown protocol may be silent before it is taken for TCP. 0: for ever, as
   * Istio does by default; an Envoy then never hears a server that speaks first.
   */
  readonly protocolDetectionTimeoutMs: number;
  /** Whether HTTP/1.1 goes over HTTP/2 between proxies where no DestinationRule says so. */
  readonly h2UpgradePolicy: "DO_NOT_UPGRADE" | "UPGRADE";
  /** Of gateways whose workload says nothing else: Istio's `defaultConfig.gatewayTopology`. */
  readonly gatewayTopology: GatewayTopology;
  /** Of destinations whose DestinationRule says nothing else. */
  readonly localityLbSetting: LocalityLbSetting;
  /** What documents without `exportTo` have. Default `*`. */
  readonly defaultExportTo: Readonly<Record<"service" | "virtualService" | "destinationRule", DefaultVisibility>>;
  /** What becomes of calls to hosts that no service of the mesh has. */
  readonly outboundTrafficPolicy: OutboundTrafficPolicy;
  /** How often names of services are looked up anew, unless their records say it. */
  readonly dnsRefreshRateMs: number;
  /** To open a connection, where no DestinationRule says it. */
  readonly connectTimeoutMs: number;
  /** Of rules that say nothing of retries; undefined: Istio's. */
  readonly defaultHttpRetryPolicy: Retries | undefined;
  /** What a workload's proxy does with what its application has not taken; undefined: Istio's. */
  readonly defaultInboundHttpRetryPolicy: Retries | undefined;
}

/** `ALLOW_ANY`: they go where their name leads; `REGISTRY_ONLY`: they are refused. */
export type OutboundTrafficPolicy = "ALLOW_ANY" | "REGISTRY_ONLY";

export const defaultMeshSettings: MeshSettings = {
  trustDomain: "cluster.local",
  clusterDomain: "cluster.local",
  rootNamespace: "istio-system",
  protocolDetectionTimeoutMs: 5000,
  h2UpgradePolicy: "DO_NOT_UPGRADE",
  gatewayTopology: noTopology,
  localityLbSetting: defaultLocalityLbSetting,
  defaultExportTo: { service: "*", virtualService: "*", destinationRule: "*" },
  outboundTrafficPolicy: "ALLOW_ANY",
  dnsRefreshRateMs: 60_000,
  connectTimeoutMs: 10_000,
  defaultHttpRetryPolicy: undefined,
  defaultInboundHttpRetryPolicy: undefined,
};

export interface Mesh {
  readonly settings: MeshSettings;
  /** Those of Kubernetes first. What ServiceEntries say is in here already. */
  readonly services: readonly Service[];
  readonly serviceEntries: readonly ServiceEntry[];
  readonly workloadEntries: readonly WorkloadEntry[];
  readonly workloadGroups: readonly WorkloadGroup[];
  readonly workloads: readonly Workload[];
  readonly virtualServices: readonly VirtualService[];
  readonly sidecars: readonly Sidecar[];
  readonly gateways: readonly Gateway[];
  readonly credentials: readonly Credential[];
  readonly destinationRules: readonly DestinationRule[];
  readonly backendPolicies: readonly BackendPolicy[];
  readonly rateLimits: readonly RateLimit[];
  readonly peerAuthentications: readonly PeerAuthentication[];
  readonly authorizationPolicies: readonly AuthorizationPolicy[];
  readonly gatewayApi: GatewayApiDocuments;
  /** Those that have a document. */
  readonly namespaces: readonly Namespace[];
  readonly configMaps: readonly ConfigMap[];
}

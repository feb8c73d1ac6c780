/**
 * What the control plane's admin endpoint serves, as JSON. Read by the commands and the dashboard.
 *
 * `GET /api/status` answers {@link MeshStatus}, `GET /api/proxies/<id>` {@link ProxyDetail}. Times are milliseconds since
 * 1970. What is undefined is left out of the JSON.
 *
 * @module
 */
import type { Problem } from "../base/problem.ts";

export interface MeshStatus {
  readonly controlPlane: ControlPlaneInfo;
  readonly authority: AuthorityInfo;
  readonly documents: DocumentCounts;
  readonly policies: PolicyCounts;
  /** What is wrong in the documents, then what analysis says of them together. */
  readonly problems: readonly Problem[];
  readonly publication: PublicationStatus;
  readonly services: readonly ServiceStatus[];
  readonly gateways: readonly ServedGateway[];
  readonly gatewayApi: readonly ConditionedDocument[];
  readonly proxies: readonly ProxyStatus[];
  /** The latest, oldest first; also of proxies that have gone. */
  readonly rejections: readonly Rejection[];
}

export interface ControlPlaneInfo {
  readonly version: string;
  readonly trustDomain: string;
  readonly startedMs: number;
  readonly nowMs: number;
  /** Its own certificate. */
  readonly certificate: CertificateStatus | undefined;
}

export interface AuthorityInfo {
  readonly rootNotAfterMs: number;
  readonly intermediateNotAfterMs: number;
}

export interface DocumentCounts {
  readonly generation: number;
  readonly applied: number;
  /** Earlier versions that stay live, because what is written now is refused. */
  readonly kept: number;
  readonly refused: number;
}

export interface PolicyCounts {
  readonly virtualServices: number;
  readonly destinationRules: number;
  readonly peerAuthentications: number;
  readonly authorizationPolicies: number;
}

export interface PublicationStatus {
  /** 0 before the first. */
  readonly version: number;
  readonly publishedMs: number | undefined;
  /** From a change of the documents to the last proxy's acknowledgement; undefined while one is missing. */
  readonly convergenceMs: number | undefined;
  /** Proxies that the mesh should have. */
  readonly proxies: number;
  readonly connected: number;
  /** Proxies that have acknowledged all of this version. */
  readonly acknowledged: number;
}

export interface ServiceStatus {
  readonly name: string;
  readonly namespace: string;
  readonly hostname: string;
  readonly ports: readonly ServicePortStatus[];
}

/** A server of a Gateway that is listened for. */
export interface ServedGateway {
  /** Instance whose proxy it is. */
  readonly instance: string;
  /** `default/bookinfo-gateway`. */
  readonly gateway: string;
  /** As it is written. */
  readonly port: number;
  readonly protocol: string;
  readonly hosts: readonly string[];
  /** `127.0.0.1:41234`. */
  readonly address: string;
  /** `http://127.0.0.1:41234`; `https` where TLS is ended or passed through, `tcp` where nobody looks. */
  readonly url: string;
}

/** A document of the Gateway API, with what a cluster would show as its status. What a kind does not have is left out. */
export interface ConditionedDocument {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly conditions: readonly ConditionStatus[] | undefined;
  readonly listeners: readonly ListenerConditions[] | undefined;
  readonly attachedListenerSets: number | undefined;
  /** Of a GatewayClass, by the specification's names. */
  readonly supportedFeatures: readonly string[] | undefined;
  /** Of a route at its parents, of a policy at its ancestors. */
  readonly parents: readonly ParentConditions[] | undefined;
}

export interface ConditionStatus {
  readonly type: string;
  readonly status: "True" | "False";
  readonly reason: string;
  readonly message: string;
}

export interface ListenerConditions {
  readonly name: string;
  readonly attachedRoutes: number;
  readonly supportedKinds: readonly string[];
  readonly conditions: readonly ConditionStatus[];
}

export interface ParentConditions {
  /** `Gateway infra/edge`, `Service shop/reviews`; with `:` and the section or port where the reference names one. */
  readonly parent: string;
  readonly controllerName: string;
  readonly conditions: readonly ConditionStatus[];
}

export interface ServicePortStatus {
  readonly name: string;
  readonly number: number;
  readonly protocol: string;
  readonly endpoints: number;
  readonly healthy: number;
}

export interface ProxyStatus {
  /** Id of the instance, or of the proxy that several share. */
  readonly id: string;
  readonly nodeId: string;
  readonly workload: string;
  readonly namespace: string;
  readonly spiffeId: string;
  /** One, except of a shared proxy. */
  readonly instances: readonly string[];
  /** Since the earliest of its streams; undefined while it is not connected. */
  readonly connectedSinceMs: number | undefined;
  /** Such as `tulle 0.1.0`, as it calls itself. */
  readonly userAgent: string | undefined;
  /** The version of the whole configuration that it has acknowledged; 0 for none. */
  readonly acknowledgedVersion: number;
  readonly types: readonly ProxyTypeStatus[];
  /** Its own first. */
  readonly certificates: readonly CertificateStatus[];
  /** Why its resources could not be made. */
  readonly problem: string | undefined;
}

export interface ProxyTypeStatus {
  /** `cds`, `eds`, `lds`, `rds`; a type URL where there is no short name. */
  readonly type: string;
  /** `waiting`: nothing has been sent. */
  readonly state: "synced" | "pending" | "rejected" | "waiting";
  readonly resources: number;
  readonly sentVersion: string | undefined;
  readonly acknowledgedVersion: string | undefined;
  readonly pushes: number;
  readonly rejections: number;
  /** Of the last rejection. */
  readonly rejection: string | undefined;
}

export interface CertificateStatus {
  readonly spiffeId: string;
  /** Upper-case hex. */
  readonly serial: string;
  /** Undefined where that is not known. It is later than `notBeforeMs`, which allows for clocks that go wrong. */
  readonly issuedMs: number | undefined;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

export interface Rejection {
  readonly nodeId: string;
  readonly type: string;
  readonly version: string;
  readonly reason: string;
  readonly atMs: number;
}

/** A proxy with where its settings come from: documents as `DestinationRule default/reviews (reviews.yaml:12)`. */
export interface ProxyDetail extends ProxyStatus {
  readonly inbound: readonly InboundMode[];
  /** By the cluster's name; absent where no document says anything. */
  readonly destinationRules: Readonly<Record<string, string>>;
  /** By the policy's name in RBAC rules. */
  readonly authorizationPolicies: Readonly<Record<string, string>>;
}

export interface InboundMode {
  readonly listener: string;
  readonly mode: "STRICT" | "PERMISSIVE" | "DISABLE";
  /** The PeerAuthentication; undefined where none says so. */
  readonly source: string | undefined;
}

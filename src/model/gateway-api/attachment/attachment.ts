/**
 * Which routes are attached where, with what is right and what is wrong about them: the meaning that documents of the Gateway
 * API have together. Translation makes traffic of it, status reports it; neither decides anything of it again.
 *
 * @module
 */
import type { Credential, TrustedRoots } from "../../gateway.ts";
import type { Service, ServicePort, UdpPort } from "../../service.ts";
import type { GatewayClass, KubernetesGateway, Listener, ListenerSet } from "../gateway.ts";
import type { BackendTlsPolicy, BackendTrafficPolicy, PolicyTarget } from "../policy.ts";
import type { FieldPlace, GroupKind, ParentReference } from "../reference.ts";
import type {
  ConnectionRouteRule,
  GatewayRoute,
  GrpcRouteRule,
  HttpRouteRule,
  RequestMirror,
  RouteBackend,
  WeightedBackend,
} from "../route.ts";

export interface GatewayApiAttachment {
  readonly controllers: GatewayControllers;
  readonly classes: readonly GatewayClass[];
  /** Those of classes that are ours. */
  readonly gateways: readonly AttachedGateway[];
  /** Whose parent is one of ours. */
  readonly listenerSets: readonly AttachedListenerSet[];
  /** Calls inside the mesh, by the Service that is called; only Services that routes are attached to. */
  readonly services: readonly ServiceRoutes[];
  /** Every route that names a parent of ours, in the order of the documents. */
  readonly routes: readonly RouteOutcome[];
  readonly backendTls: readonly BackendTlsOutcome[];
  readonly backendTraffic: readonly BackendTrafficOutcome[];
}

/** Whose Gateways are ours. */
export interface GatewayControllers {
  /** `spec.controllerName` of GatewayClasses that we serve; the first is our own. */
  readonly names: readonly string[];
  /** Classes that are there without a document, with the name of their controller. */
  readonly builtInClasses: Readonly<Record<string, string>>;
  /** What stands in the status of routes whose parent is a Service. */
  readonly meshName: string;
}

/** Why something does not hold, with a reason as the specification words it. */
export interface Fault<Reason extends string> {
  readonly reason: Reason;
  /** For a person: what must hold, what was found. */
  readonly message: string;
  /** Undefined: the document as a whole. */
  readonly at: FieldPlace | undefined;
}

// === Gateways ===

export interface AttachedGateway {
  readonly gateway: KubernetesGateway;
  readonly controllerName: string;
  /** Its own in their order, then those of ListenerSets, the oldest first. */
  readonly listeners: readonly AttachedListener[];
  /** Shown to backends with a {@link BackendTlsPolicy}. */
  readonly backendClientCertificate: Credential | undefined;
  readonly faults: readonly GatewayFault[];
}

export type GatewayFault =
  | ({ readonly condition: "Accepted" } & Fault<"InvalidParameters" | "UnsupportedAddress">)
  | ({ readonly condition: "ResolvedRefs" } & Fault<"InvalidClientCertificateRef" | "RefNotPermitted">);

export interface AttachedListenerSet {
  readonly listenerSet: ListenerSet;
  /** The parent. */
  readonly gateway: AttachedGateway;
  /** Undefined where the Gateway lets it add listeners. */
  readonly fault: Fault<"NotAllowed"> | undefined;
  /** A part of the Gateway's; empty where it is not let in. */
  readonly listeners: readonly AttachedListener[];
}

export interface AttachedListener {
  readonly owner: KubernetesGateway | ListenerSet;
  readonly listener: Listener;
  /** Kinds of routes that may be attached. */
  readonly supportedKinds: readonly GroupKind[];
  /** Of TLS that ends here; only those that can be shown. */
  readonly certificates: readonly Credential[];
  /** Undefined: clients need no certificate. */
  readonly clientValidation: ClientValidation | undefined;
  /** Istio's option: what is shown is the gateway's identity; `mutual`: clients need one of the mesh. */
  readonly meshTls: "mutual" | "simple" | undefined;
  readonly faults: readonly ListenerFault[];
  /** Whether it takes traffic: it is accepted, without a rival, and where TLS ends here it has a certificate. */
  readonly serves: boolean;
  /** Whether it serves or not. In the order of precedence of their documents: the oldest first, then by name. */
  readonly routes: readonly AttachedRoute[];
}

export interface ClientValidation {
  readonly roots: readonly TrustedRoots[];
  /** `AllowMissing`: a client may show none, but what it shows must be valid. Istio's alone. */
  readonly mode: "AllowValidOnly" | "AllowInsecureFallback" | "AllowMissing";
}

export type ListenerFault =
  | ({ readonly condition: "Accepted" } & Fault<"UnsupportedProtocol" | "NoValidCACertificate" | "UnsupportedValue">)
  | ({ readonly condition: "Conflicted" } & Fault<"ProtocolConflict" | "HostnameConflict">)
  | ({ readonly condition: "ResolvedRefs" } & Fault<
      | "InvalidCertificateRef"
      | "InvalidRouteKinds"
      | "RefNotPermitted"
      | "InvalidCACertificateRef"
      | "InvalidCACertificateKind"
    >);

// === Routes ===

/** A route at one parent. */
export interface AttachedRoute {
  readonly route: ResolvedRoute;
  /**
   * What it serves here: where the hosts of listener and route meet. `*` stands for every host. At a Service, where names do not
   * count, `*` alone.
   */
  readonly hostnames: readonly string[];
}

/** Its references, looked up: the same at every parent. */
export type ResolvedRoute =
  | {
      readonly t: "HTTPRoute";
      readonly document: GatewayRoute & { readonly t: "HTTPRoute" };
      readonly rules: readonly ResolvedRule<HttpRouteRule, ResolvedRouteBackend>[];
    }
  | {
      readonly t: "GRPCRoute";
      readonly document: GatewayRoute & { readonly t: "GRPCRoute" };
      readonly rules: readonly ResolvedRule<GrpcRouteRule, ResolvedRouteBackend>[];
    }
  | {
      readonly t: "TLSRoute";
      readonly document: GatewayRoute & { readonly t: "TLSRoute" };
      readonly rules: readonly ResolvedRule<ConnectionRouteRule, ResolvedBackend>[];
    }
  | {
      readonly t: "TCPRoute";
      readonly document: GatewayRoute & { readonly t: "TCPRoute" };
      readonly rules: readonly ResolvedRule<ConnectionRouteRule, ResolvedBackend>[];
    }
  | {
      readonly t: "UDPRoute";
      readonly document: GatewayRoute & { readonly t: "UDPRoute" };
      readonly rules: readonly ResolvedRule<ConnectionRouteRule, ResolvedUdpBackend>[];
    };

export interface ResolvedRule<Rule, Backend> {
  readonly rule: Rule;
  readonly backends: readonly Backend[];
  /** Those of the rule's filters. */
  readonly mirrors: readonly ResolvedMirror[];
}

export interface ResolvedBackend<Backend extends WeightedBackend = WeightedBackend> {
  readonly backend: Backend;
  readonly target: BackendTarget;
}

export interface ResolvedUdpBackend {
  readonly backend: WeightedBackend;
  readonly target: UdpTarget;
}

export interface ResolvedRouteBackend extends ResolvedBackend<RouteBackend> {
  /** Those of the backend's own filters. */
  readonly mirrors: readonly ResolvedMirror[];
}

/** One that is invalid is left out. */
export interface ResolvedMirror {
  readonly mirror: RequestMirror;
  readonly target: BackendTarget;
}

export type BackendTarget =
  | { readonly t: "service"; readonly service: Service; readonly port: ServicePort }
  /** Its share of the calls gets a 500 (HTTP), or is closed (TCP). */
  | ({ readonly t: "invalid" } & BackendFault);

export type UdpTarget =
  | { readonly t: "service"; readonly service: Service; readonly port: UdpPort }
  /** Its share of the sessions is dropped. */
  | ({ readonly t: "invalid" } & BackendFault);

export type BackendFault = Fault<"RefNotPermitted" | "InvalidKind" | "BackendNotFound" | "UnsupportedProtocol">;

export interface RouteOutcome {
  readonly route: ResolvedRoute;
  /** One for each reference to a parent of ours, in their order. */
  readonly parents: readonly ParentOutcome[];
}

export interface ParentOutcome {
  readonly parent: ParentReference;
  readonly controllerName: string;
  /** Undefined: the route is attached. */
  readonly fault: ParentFault | undefined;
}

export type ParentFault = Fault<
  "NoMatchingParent" | "NotAllowedByListeners" | "NoMatchingListenerHostname" | "UnsupportedValue"
>;

// === The mesh ===

export interface ServiceRoutes {
  readonly service: Service;
  readonly port: ServicePort;
  /** Of the Service's own namespace: for every caller. In the order of precedence of their documents. */
  readonly producers: readonly AttachedRoute[];
  /** By the namespace of the routes, which is that of the callers: there they stand instead of the producers'. */
  readonly consumers: ReadonlyMap<string, readonly AttachedRoute[]>;
}

export interface BackendTrafficOutcome {
  readonly policy: BackendTrafficPolicy;
  readonly targets: readonly PolicyTargetOutcome[];
}

// === TLS to backends ===

export interface BackendTlsOutcome {
  readonly policy: BackendTlsPolicy;
  readonly targets: readonly PolicyTargetOutcome[];
  /** Of its roots. */
  readonly faults: readonly Fault<"InvalidCACertificateRef" | "InvalidKind">[];
  /** Those that can be read. With no reference in the policy: the system's. */
  readonly roots: readonly TrustedRoots[];
  /** No root is left: calls to its targets fail. */
  readonly noValidCa: boolean;
}

/** Where a policy is to hold. */
export interface PolicyTargetOutcome {
  readonly target: PolicyTarget;
  /** A Service, or the hosts of a ServiceEntry; none: it is not there. */
  readonly services: readonly Service[];
  readonly fault: Fault<"TargetNotFound" | "Conflicted" | "Invalid"> | undefined;
}

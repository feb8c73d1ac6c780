/**
 * Gateways of the Gateway API: GatewayClass, Gateway and ListenerSet.
 *
 * @module
 */
import type { FieldPlace, GroupKind, NamespaceChoice, ObjectMeta, ObjectReference } from "./reference.ts";

export interface GatewayClass {
  readonly meta: ObjectMeta;
  /** Who serves the Gateways of this class, such as `tulle.dev/gateway-controller`. */
  readonly controllerName: string;
  readonly parametersRef: ObjectReference | undefined;
}

/** Kubernetes' `Gateway`; Istio's kind of the same name is {@link import("../gateway.ts").Gateway}. */
export interface KubernetesGateway {
  readonly meta: ObjectMeta;
  readonly className: string;
  readonly addresses: readonly GatewayAddress[];
  readonly listeners: readonly Listener[];
  /** From where ListenerSets may add listeners. */
  readonly allowedListeners: NamespaceChoice;
  readonly infrastructure: GatewayInfrastructure;
  readonly tls: GatewayTlsPolicy;
}

export interface GatewayAddress {
  readonly at: FieldPlace;
  /** `IPAddress`, `Hostname`, `NamedAddress`, or an implementation's own. */
  readonly type: string;
  readonly value: string | undefined;
}

export interface GatewayInfrastructure {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly parametersRef: ObjectReference | undefined;
}

/** `spec.tls`: what the Gateway shows to backends, and what clients have to show to it. */
export interface GatewayTlsPolicy {
  readonly backendClientCertificate: ObjectReference | undefined;
  /** Undefined: clients need no certificate. */
  readonly frontendDefault: FrontendValidation | undefined;
  /** Wins over the default on these ports; undefined there: no certificate is asked for. */
  readonly frontendByPort: ReadonlyMap<number, FrontendValidation | undefined>;
}

export interface FrontendValidation {
  readonly at: FieldPlace;
  readonly caCertificateRefs: readonly ObjectReference[];
  /** `AllowInsecureFallback` lets clients in whose certificate is missing or wrong. */
  readonly mode: "AllowValidOnly" | "AllowInsecureFallback";
}

export interface ListenerSet {
  readonly meta: ObjectMeta;
  readonly parent: ObjectReference;
  readonly listeners: readonly Listener[];
}

export interface Listener {
  readonly at: FieldPlace;
  readonly name: string;
  /** Lower-case, wildcards too. Undefined: every host. */
  readonly hostname: string | undefined;
  readonly port: number;
  /** `HTTP`, `HTTPS`, `TLS`, `TCP`, `UDP` in capitals, or as it is written where it is none of them. */
  readonly protocol: string;
  readonly tls: ListenerTls | undefined;
  readonly allowedNamespaces: NamespaceChoice;
  /** Undefined: the kinds that go with the protocol. */
  readonly allowedKinds: readonly GroupKind[] | undefined;
}

export interface ListenerTls {
  readonly at: FieldPlace;
  readonly mode: "Terminate" | "Passthrough";
  readonly certificateRefs: readonly ObjectReference[];
  readonly options: Readonly<Record<string, string>>;
}

/**
 * What goes with Gateways and routes: ReferenceGrant, BackendTLSPolicy, XBackendTrafficPolicy.
 *
 * @module
 */
import type { RetryBudget } from "../destination-rule.ts";
import type { SessionPersistence } from "./route.ts";
import type { FieldPlace, GroupKind, ObjectMeta, ObjectReference } from "./reference.ts";

/** Lets documents of other namespaces refer to some of its own. */
export interface ReferenceGrant {
  readonly meta: ObjectMeta;
  readonly from: readonly (GroupKind & { readonly namespace: string })[];
  /** Without a name: all of the kind in the namespace. */
  readonly to: readonly (GroupKind & { readonly name: string | undefined })[];
}

/** Calls to its targets go over TLS, and what the backend shows is checked. */
export interface BackendTlsPolicy {
  readonly meta: ObjectMeta;
  readonly targets: readonly PolicyTarget[];
  readonly validation: BackendTlsValidation;
  readonly options: Readonly<Record<string, string>>;
}

/** Of the policy's own namespace. */
export interface PolicyTarget extends GroupKind {
  readonly at: FieldPlace;
  readonly name: string;
  /** A port of the Service by its name. Undefined: all. */
  readonly sectionName: string | undefined;
}

export interface BackendTlsValidation {
  /** Sent as SNI; also what the certificate must be for, unless there are `subjectAltNames`. */
  readonly hostname: string;
  /** Empty: the roots of the system. */
  readonly caCertificateRefs: readonly ObjectReference[];
  readonly subjectAltNames: readonly BackendSubjectAltName[];
}

/** Of `gateway.networking.x-k8s.io`: how calls to its targets are retried, and kept with an endpoint. */
export interface BackendTrafficPolicy {
  readonly meta: ObjectMeta;
  readonly targets: readonly PolicyTarget[];
  readonly retryBudget: RetryBudget | undefined;
  readonly sessionPersistence: SessionPersistence | undefined;
}

export type BackendSubjectAltName =
  | { readonly t: "Hostname"; readonly value: string }
  | { readonly t: "URI"; readonly value: string };

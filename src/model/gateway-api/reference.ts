/**
 * How documents of the Gateway API name each other, and where each name is written.
 *
 * Namespaces are filled in here: a reference that names none means its own document's.
 *
 * @module
 */
import type { Place } from "../../base/problem.ts";
import type { Origin } from "../origin.ts";

export const GATEWAY_GROUP = "gateway.networking.k8s.io";

/** Where something stands in its document. */
export interface FieldPlace {
  readonly place: Place;
  /** Such as `spec.rules[0].backendRefs[1]`. */
  readonly path: string;
}

/** What the API server knows of every document. */
export interface ObjectMeta {
  readonly origin: Origin;
  readonly namespace: string;
  readonly name: string;
  /** `metadata.creationTimestamp`: the older of two documents wins. Undefined in files, where names decide. */
  readonly createdAtMs: number | undefined;
  /** Of `metadata`: what conditions say they have seen. */
  readonly generation: number | undefined;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

export interface GroupKind {
  /** Empty: Kubernetes' core. */
  readonly group: string;
  readonly kind: string;
}

export interface ObjectReference extends GroupKind {
  readonly at: FieldPlace;
  readonly namespace: string;
  readonly name: string;
}

/** What a route wants to be attached to: a Gateway, a ListenerSet, or a Service for calls inside the mesh. */
export interface ParentReference extends ObjectReference {
  /** A listener, or a Service's port by name. Undefined: all of them. */
  readonly sectionName: string | undefined;
  readonly port: number | undefined;
}

export interface BackendReference extends ObjectReference {
  readonly port: number | undefined;
}

/** Kubernetes' own selector of labels: all of both lists must hold; nothing at all selects everything. */
export interface LabelQuery {
  readonly matchLabels: Readonly<Record<string, string>>;
  readonly matchExpressions: readonly LabelExpression[];
}

export interface LabelExpression {
  readonly key: string;
  readonly operator: "In" | "NotIn" | "Exists" | "DoesNotExist";
  readonly values: readonly string[];
}

/** From which namespaces others may come. */
export type NamespaceChoice =
  | { readonly t: "All" }
  | { readonly t: "Same" }
  | { readonly t: "None" }
  | { readonly t: "Selector"; readonly query: LabelQuery };

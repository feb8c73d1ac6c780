/**
 * What the documents of the Gateway API are told about themselves: conditions with reasons as the specification words them.
 *
 * A report of {@link GatewayApiAttachment}, which decides; nothing is looked up anew here. `PartiallyInvalid` is never said: a document with
 * a value that is not known is refused as a whole.
 *
 * @module
 */
import type {
  AttachedGateway,
  AttachedListener,
  Fault,
  GatewayApiAttachment,
  RouteOutcome,
} from "../../../model/gateway-api/attachment/attachment.ts";
import { unreadableParameters } from "../../../model/gateway-api/attachment/parameters.ts";
import { referenceFaults, valueFaults } from "../../../model/gateway-api/attachment/resolved-route.ts";
import type { GatewayClass } from "../../../model/gateway-api/gateway.ts";
import type { GroupKind, ObjectMeta, ParentReference } from "../../../model/gateway-api/reference.ts";
import { type Condition, conditionsOf, messageOf } from "./condition.ts";
import { gatewayStatus } from "./gateway-status.ts";
import { listenerSetStatus } from "./listener-set-status.ts";
import { policyStatus, trafficPolicyStatus } from "./policy-status.ts";
import { SUPPORTED_FEATURES } from "./supported-features.ts";

/** What there is beside the documents. */
export interface GatewayWorld {
  /** Where a Gateway can be reached. */
  readonly assigned: (gateway: AttachedGateway) => AssignedAddresses;
  /** Whether a Gateway that can be reached listens for one of its listeners, too; undefined: for all. */
  readonly listensFor?: (gateway: AttachedGateway, listener: AttachedListener) => boolean;
}

export interface AssignedAddresses {
  readonly addresses: readonly GatewayStatusAddress[];
  /** Why it cannot be reached, or not as it asks to be. */
  readonly fault: Fault<"AddressNotAssigned" | "AddressNotUsable" | "NoResources"> | undefined;
}

export interface GatewayStatusAddress {
  readonly type: "IPAddress" | "Hostname";
  readonly value: string;
}

export type ObjectStatus = { readonly meta: ObjectMeta } & (
  | {
      readonly kind: "GatewayClass";
      readonly conditions: readonly Condition[];
      readonly supportedFeatures: readonly string[];
    }
  | ({ readonly kind: "Gateway" } & GatewayStatus)
  | ({ readonly kind: "ListenerSet" } & Omit<GatewayStatus, "addresses" | "attachedListenerSets">)
  | { readonly kind: RouteOutcome["route"]["t"]; readonly parents: readonly ParentStatus[] }
  | { readonly kind: "BackendTLSPolicy"; readonly ancestors: readonly ParentStatus[] }
  | { readonly kind: "XBackendTrafficPolicy"; readonly ancestors: readonly ParentStatus[] }
);

export interface GatewayStatus {
  readonly conditions: readonly Condition[];
  readonly listeners: readonly ListenerStatus[];
  readonly addresses: readonly GatewayStatusAddress[];
  readonly attachedListenerSets: number;
}

export interface ListenerStatus {
  readonly name: string;
  readonly supportedKinds: readonly GroupKind[];
  readonly attachedRoutes: number;
  readonly conditions: readonly Condition[];
}

/** Of a route at one parent, or of a policy at one ancestor. */
export interface ParentStatus {
  readonly parent: Omit<ParentReference, "at">;
  readonly controllerName: string;
  readonly conditions: readonly Condition[];
}

/** Of every document that is ours to speak of. */
export function gatewayApiStatus(attachment: GatewayApiAttachment, world: GatewayWorld): readonly ObjectStatus[] {
  return [
    ...attachment.classes.map(classStatus),
    ...attachment.gateways.map((gateway) => gatewayStatus(gateway, attachment, world)),
    ...attachment.listenerSets.map((set) => listenerSetStatus(set, world)),
    ...attachment.routes.map(routeStatus),
    ...attachment.backendTls.map((outcome) => policyStatus(outcome, attachment)),
    ...attachment.backendTraffic.map((outcome) => trafficPolicyStatus(outcome, attachment)),
  ];
}

/** The documents' own version is looked at as each is read, and one that is not known is refused there. */
function classStatus(gatewayClass: GatewayClass): ObjectStatus {
  const { meta } = gatewayClass;
  const { holds, unless } = conditionsOf(meta);
  const fault = unreadableParameters("GatewayClass", gatewayClass.parametersRef);
  const accepted = { reason: "Accepted", message: "Gateways of this class are served" };
  const known = {
    reason: "SupportedVersion",
    message: "kinds of the Gateway API are known by the versions that are read",
  };
  return {
    kind: "GatewayClass",
    meta,
    conditions: [unless("Accepted", fault === undefined ? [] : [fault], accepted), holds("SupportedVersion", known)],
    supportedFeatures: SUPPORTED_FEATURES,
  };
}

function routeStatus({ route, parents }: RouteOutcome): ObjectStatus {
  const { meta } = route.document;
  const { holds, unless } = conditionsOf(meta);
  const values = valueFaults(route);
  const partly = { reason: "UnsupportedValue", message: `${messageOf(values)}, so calls that it would see fail` };
  return {
    kind: route.t,
    meta,
    parents: parents.map(({ parent, controllerName, fault }) => ({
      parent,
      controllerName,
      conditions: [
        unless("Accepted", fault === undefined ? values.filter(({ everyRule }) => everyRule) : [fault], {
          reason: "Accepted",
          message: "the route is attached",
        }),
        unless("ResolvedRefs", referenceFaults(route), {
          reason: "ResolvedRefs",
          message: "every reference leads somewhere",
        }),
        ...(values.some(({ everyRule }) => !everyRule) ? [holds("PartiallyInvalid", partly)] : []),
      ],
    })),
  };
}

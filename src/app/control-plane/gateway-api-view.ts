/**
 * Conditions of the Gateway API's documents, as the admin endpoint shows them.
 *
 * @module
 */
import type {
  ConditionedDocument,
  ConditionStatus,
  ListenerConditions,
  ParentConditions,
  ServedGateway,
} from "../../admin/api.ts";
import type { Condition } from "../../config/gateway-api/status/condition.ts";
import {
  type AssignedAddresses,
  type GatewayWorld,
  gatewayApiStatus,
  type ListenerStatus,
  type ObjectStatus,
  type ParentStatus,
} from "../../config/gateway-api/status/status.ts";
import type { AttachedGateway, AttachedListener } from "../../model/gateway-api/attachment/attachment.ts";
import type { KubernetesGateway } from "../../model/gateway-api/gateway.ts";
import type { Mesh } from "../../model/mesh.ts";
import { attachedTo } from "../../translate/gateway-api/attached.ts";

/** @param served What gateways of the mesh listen for: a Gateway that none of them serves is not programmed. */
export function conditionedDocuments(mesh: Mesh, served: readonly ServedGateway[]): readonly ConditionedDocument[] {
  const world: GatewayWorld = {
    assigned: (gateway) => assigned(gateway, served),
    listensFor: (gateway, listener) => listensFor(gateway, listener, served),
  };
  return gatewayApiStatus(attachedTo(mesh), world).map(documentOf);
}

/** Of two Gateways that one gateway serves, the first has a port of TCP, UDP, or one name of TLS. */
function listensFor(
  { gateway: { meta } }: AttachedGateway,
  { listener: { hostname = "*", port, protocol } }: AttachedListener,
  served: readonly ServedGateway[],
): boolean {
  const own = served.filter(({ gateway }) => gateway === `${meta.namespace}/${meta.name}`);
  return (
    own.length === 0 || own.some((it) => it.port === port && it.protocol === protocol && it.hosts.includes(hostname))
  );
}

function assigned({ gateway }: AttachedGateway, served: readonly ServedGateway[]): AssignedAddresses {
  const { meta } = gateway;
  const serving = served.filter((s) => s.gateway === `${meta.namespace}/${meta.name}`);
  const addresses = [...new Set(serving.map((s) => s.address.replace(/:\d+$/, "")))];
  const unserved = {
    reason: "AddressNotAssigned",
    message: "no gateway of the mesh serves it",
    at: undefined,
  } as const;
  return {
    addresses: addresses.map((value) => ({ type: "IPAddress", value })),
    fault: serving.length === 0 ? unserved : unusable(gateway, addresses),
  };
}

/** An address that a Gateway asks for is one of those that its gateways have, or it is told. */
function unusable({ addresses: asked }: KubernetesGateway, has: readonly string[]): AssignedAddresses["fault"] {
  const lost = asked.find(({ type, value }) => type === "IPAddress" && value !== undefined && !has.includes(value));
  if (lost === undefined) return undefined;
  const message = `its gateways have ${has.join(", ")} and not ${lost.value}: ask for one of those, or for none`;
  return { reason: "AddressNotUsable", message, at: lost.at };
}

function documentOf(status: ObjectStatus): ConditionedDocument {
  const { kind, meta } = status;
  const parents = "parents" in status ? status.parents : "ancestors" in status ? status.ancestors : undefined;
  return {
    kind,
    namespace: meta.namespace,
    name: meta.name,
    conditions: "conditions" in status ? status.conditions.map(conditionOf) : undefined,
    listeners: "listeners" in status ? status.listeners.map(listenerOf) : undefined,
    attachedListenerSets: "attachedListenerSets" in status ? status.attachedListenerSets : undefined,
    supportedFeatures: "supportedFeatures" in status ? status.supportedFeatures : undefined,
    parents: parents?.map(parentOf),
  };
}

const conditionOf = ({ type, status, reason, message }: Condition): ConditionStatus => ({
  type,
  status,
  reason,
  message,
});

const listenerOf = ({ name, attachedRoutes, supportedKinds, conditions }: ListenerStatus): ListenerConditions => ({
  name,
  attachedRoutes,
  supportedKinds: supportedKinds.map((k) => k.kind),
  conditions: conditions.map(conditionOf),
});

function parentOf({ parent, controllerName, conditions }: ParentStatus): ParentConditions {
  const { kind, namespace, name, sectionName, port } = parent;
  const part = [sectionName, port].map((p) => (p === undefined ? "" : `:${p}`)).join("");
  return { parent: `${kind} ${namespace}/${name}${part}`, controllerName, conditions: conditions.map(conditionOf) };
}

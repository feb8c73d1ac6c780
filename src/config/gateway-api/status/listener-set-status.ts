/**
 * Status of a ListenerSet.
 *
 * @module
 */
import type { AttachedListenerSet } from "../../../model/gateway-api/attachment/attachment.ts";
import { conditionsOf, messageOf } from "./condition.ts";
import { listenerStatus } from "./listener-status.ts";
import type { GatewayWorld, ObjectStatus } from "./status.ts";

interface Refusal {
  readonly reason: "NotAllowed" | "ParentNotAccepted" | "ListenersNotValid";
  readonly message: string;
}

/** Why none of its listeners is a part of its Gateway. */
function refusalOf({ fault, gateway, listeners }: AttachedListenerSet): Refusal | undefined {
  if (fault !== undefined) return fault;
  const refused = gateway.faults.filter((f) => f.condition === "Accepted");
  if (refused.length > 0) return { reason: "ParentNotAccepted", message: `the Gateway is not: ${messageOf(refused)}` };
  if (listeners.some((l) => l.serves)) return undefined;
  return { reason: "ListenersNotValid", message: messageOf(listeners.flatMap((l) => l.faults)) };
}

export const isAccepted = (set: AttachedListenerSet): boolean => refusalOf(set) === undefined;

export function listenerSetStatus(set: AttachedListenerSet, world: GatewayWorld): ObjectStatus {
  const { meta } = set.listenerSet;
  const { unless } = conditionsOf(meta);
  const refusal = refusalOf(set);
  const refused = refusal === undefined ? [] : [refusal];
  const { fault } = world.assigned(set.gateway);
  const unreachable = [...refused, ...(fault === undefined ? [] : [fault])];
  const isIn = refusal === undefined || refusal.reason === "ListenersNotValid";
  return {
    kind: "ListenerSet",
    meta,
    conditions: [
      unless("Accepted", refused, { reason: "Accepted", message: "its listeners are the Gateway's" }),
      unless("Programmed", unreachable, { reason: "Programmed", message: "its listeners take calls" }),
    ],
    listeners: isIn ? set.listeners.map((l) => listenerStatus(l, set.gateway, world)) : [],
  };
}

/**
 * Conditions of a listener.
 *
 * @module
 */
import type { AttachedGateway, AttachedListener } from "../../../model/gateway-api/attachment/attachment.ts";
import { conditionsOf, messageOf } from "./condition.ts";
import { overlappingTls } from "./overlapping-tls.ts";
import type { GatewayWorld, ListenerStatus } from "./status.ts";

export function listenerStatus(
  attached: AttachedListener,
  gateway: AttachedGateway,
  { listensFor }: Pick<GatewayWorld, "listensFor">,
): ListenerStatus {
  const { owner, listener, supportedKinds, routes, faults, serves } = attached;
  const { holds, unless } = conditionsOf(owner.meta);
  const of = (condition: string) => faults.filter((f) => f.condition === condition);
  const conflicts = of("Conflicted");
  const why = conflicts[0]?.reason ?? "Invalid";
  const isTaken = serves && listensFor?.(gateway, attached) === false;
  const taken = `another Gateway has the port ${listener.port} at the gateways that serve this one`;
  const blocked = serves && !isTaken ? [] : [{ reason: why, message: isTaken ? taken : messageOf(faults) }];
  const [rival] = conflicts;
  return {
    name: listener.name,
    supportedKinds,
    attachedRoutes: routes.length,
    conditions: [
      unless("Accepted", [...of("Accepted"), ...conflicts], { reason: "Accepted", message: "the listener is valid" }),
      rival === undefined
        ? {
            ...holds("Conflicted", { reason: "NoConflicts", message: "no other listener is in its way" }),
            status: "False",
          }
        : holds("Conflicted", rival),
      unless("Programmed", blocked, { reason: "Programmed", message: "the listener takes calls" }),
      unless("ResolvedRefs", of("ResolvedRefs"), {
        reason: "ResolvedRefs",
        message: "every reference leads somewhere",
      }),
      ...overlappingTls(attached, gateway.listeners),
    ],
  };
}

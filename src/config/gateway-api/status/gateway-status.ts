/**
 * Status of a Gateway.
 *
 * @module
 */
import type { AttachedGateway, GatewayApiAttachment } from "../../../model/gateway-api/attachment/attachment.ts";
import { type Condition, conditionsOf } from "./condition.ts";
import { isAccepted } from "./listener-set-status.ts";
import { listenerStatus } from "./listener-status.ts";
import type { GatewayWorld, ObjectStatus } from "./status.ts";

export function gatewayStatus(
  attached: AttachedGateway,
  { listenerSets }: Pick<GatewayApiAttachment, "listenerSets">,
  world: GatewayWorld,
): ObjectStatus {
  const { meta } = attached.gateway;
  const { unless } = conditionsOf(meta);
  const refused = attached.faults.filter((f) => f.condition === "Accepted");
  const unresolved = attached.faults.filter((f) => f.condition === "ResolvedRefs");
  const { addresses, fault } = world.assigned(attached);
  const listeners = attached.listeners.filter((l) => l.owner === attached.gateway);
  const unreachable = [...refused, ...(fault === undefined ? [] : [fault])];
  return {
    kind: "Gateway",
    meta,
    conditions: [
      accepted(attached),
      unless("Programmed", unreachable, { reason: "Programmed", message: "the Gateway takes calls" }),
      unless("ResolvedRefs", unresolved, { reason: "ResolvedRefs", message: "every reference leads somewhere" }),
      ...insecure(attached),
    ],
    listeners: refused.length > 0 ? [] : listeners.map((l) => listenerStatus(l, attached, world)),
    addresses: refused.length > 0 ? [] : addresses,
    attachedListenerSets: listenerSets.filter((s) => s.gateway === attached && isAccepted(s)).length,
  };
}

/** A Gateway none of whose own listeners serves is not accepted; one of whose some do not is, and says so. */
function accepted({ gateway, listeners, faults }: AttachedGateway): Condition {
  const { holds, unless } = conditionsOf(gateway.meta);
  const refused = faults.filter((f) => f.condition === "Accepted");
  const own = listeners.filter((l) => l.owner === gateway);
  const bad = own.filter((l) => !l.serves);
  const names = bad.map((l) => l.listener.name).join(", ");
  const invalid = { reason: "ListenersNotValid", message: `these listeners take no calls: ${names}` };
  const right = { reason: "Accepted", message: "the Gateway is valid" };
  if (refused.length > 0) return unless("Accepted", refused, right);
  if (bad.length === 0) return holds("Accepted", right);
  return bad.length === own.length ? unless("Accepted", [invalid], right) : holds("Accepted", invalid);
}

/** The specification wants it told that clients without a valid certificate are let in. */
function insecure({ gateway: { meta, tls } }: AttachedGateway): readonly Condition[] {
  const modes = [tls.frontendDefault, ...tls.frontendByPort.values()].map((v) => v?.mode);
  if (!modes.includes("AllowInsecureFallback")) return [];
  const message = "clients without a valid certificate are let in (AllowInsecureFallback)";
  return [conditionsOf(meta).holds("InsecureFrontendValidationMode", { reason: "ConfigurationChanged", message })];
}

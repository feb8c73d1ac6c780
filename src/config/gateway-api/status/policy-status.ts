/**
 * Status of policies: at each target, for the mesh, and of a BackendTLSPolicy at each Gateway whose routes call a target.
 *
 * @module
 */
import type {
  AttachedGateway,
  BackendTlsOutcome,
  BackendTrafficOutcome,
  PolicyTargetOutcome,
  GatewayApiAttachment,
} from "../../../model/gateway-api/attachment/attachment.ts";
import { GATEWAY_GROUP, type ObjectMeta } from "../../../model/gateway-api/reference.ts";
import type { Service, ServicePort } from "../../../model/service.ts";
import { type Condition, conditionsOf } from "./condition.ts";
import type { ObjectStatus, ParentStatus } from "./status.ts";

/** Of the specification. */
const MAX_ANCESTORS = 16;

export function policyStatus(outcome: BackendTlsOutcome, attachment: GatewayApiAttachment): ObjectStatus {
  const { meta } = outcome.policy;
  const ancestors = [
    ...outcome.targets.map((target) => atTarget(target, meta, attachment, conditions(outcome, target.fault))),
    ...attachment.gateways.flatMap((gateway) => atGateway(gateway, outcome) ?? []),
  ];
  return { kind: "BackendTLSPolicy", meta, ancestors: ancestors.slice(0, MAX_ANCESTORS) };
}

/** At each of its targets. */
export function trafficPolicyStatus(
  { policy, targets }: BackendTrafficOutcome,
  attachment: GatewayApiAttachment,
): ObjectStatus {
  const { unless } = conditionsOf(policy.meta);
  const holds = { reason: "Accepted", message: "the policy holds" };
  const ancestors = targets.map((target) => {
    const faults = target.fault === undefined ? [] : [target.fault];
    return atTarget(target, policy.meta, attachment, [unless("Accepted", faults, holds)]);
  });
  return { kind: "XBackendTrafficPolicy", meta: policy.meta, ancestors };
}

function atTarget(
  { target: { group, kind, name, sectionName } }: PolicyTargetOutcome,
  { namespace }: ObjectMeta,
  { controllers }: GatewayApiAttachment,
  conditions: readonly Condition[],
): ParentStatus {
  return {
    parent: { group, kind, namespace, name, sectionName, port: undefined },
    controllerName: group === GATEWAY_GROUP ? (controllers.names[0] ?? "") : controllers.meshName,
    conditions,
  };
}

function atGateway(attached: AttachedGateway, outcome: BackendTlsOutcome): ParentStatus | undefined {
  const calls = attached.listeners
    .flatMap((l) => l.routes.flatMap(({ route }) => (route.t === "UDPRoute" ? [] : [route])))
    .flatMap((route) => route.rules.flatMap((rule) => rule.backends))
    .flatMap(({ target }) => (target.t === "service" ? [target] : []));
  const target = outcome.targets.find((t) => calls.some(({ service, port }) => isFor(t, service, port)));
  if (target === undefined) return undefined;
  const { namespace, name } = attached.gateway.meta;
  return {
    parent: { group: GATEWAY_GROUP, kind: "Gateway", namespace, name, sectionName: undefined, port: undefined },
    controllerName: attached.controllerName,
    conditions: conditions(outcome, target.fault),
  };
}

const isFor = ({ services, target }: PolicyTargetOutcome, service: Service, port: ServicePort): boolean =>
  services.includes(service) && (target.sectionName === undefined || target.sectionName === port.name);

function conditions(outcome: BackendTlsOutcome, fault: PolicyTargetOutcome["fault"]): readonly Condition[] {
  const { unless } = conditionsOf(outcome.policy.meta);
  const message = "none of caCertificateRefs leads to roots, so calls fail";
  const noCa = outcome.noValidCa ? [{ reason: "NoValidCACertificate", message }] : [];
  return [
    unless("Accepted", fault === undefined ? noCa : [fault], { reason: "Accepted", message: "the policy holds" }),
    unless("ResolvedRefs", outcome.faults, { reason: "ResolvedRefs", message: "every reference leads somewhere" }),
  ];
}

/**
 * Documents of the Gateway API that lead nowhere: routes that are attached to nothing, listeners that take no calls, references
 * without an object or without leave. What `status` would tell in a cluster, with the reason that it has there in brackets.
 *
 * @module
 */
import { attachGatewayApi } from "../model/gateway-api/attachment/attach.ts";
import type { Fault, GatewayApiAttachment, PolicyTargetOutcome } from "../model/gateway-api/attachment/attachment.ts";
import { backendFaults, unsupportedFilters } from "../model/gateway-api/attachment/resolved-route.ts";
import { GATEWAY_GROUP, type ObjectMeta, type ParentReference } from "../model/gateway-api/reference.ts";
import type { GatewayRoute } from "../model/gateway-api/route.ts";
import type { Mesh } from "../model/mesh.ts";
import type { Finding, MeshIndex } from "./mesh-index.ts";
import { quote } from "./tree.ts";

export function analyzeGatewayApi({ mesh }: MeshIndex): readonly Finding[] {
  const { gateways, routes, listenerSets, backendTlsPolicies, backendTrafficPolicies } = mesh.gatewayApi;
  const policies = backendTlsPolicies.length + backendTrafficPolicies.length;
  if (gateways.length + routes.length + listenerSets.length + policies === 0) return [];
  const attachment = attachGatewayApi(mesh);
  return [
    ...gatewayFindings(mesh, attachment),
    ...listenerSetFindings(mesh, attachment),
    ...routeFindings(mesh, attachment),
    ...policyFindings(attachment),
  ];
}

const told = (
  { origin }: ObjectMeta,
  { reason, message, at }: Fault<string>,
  what = "",
  severity: Finding["severity"] = "error",
): Finding => ({ severity, origin, path: at?.path ?? "spec", message: `${message}${what} [${reason}]` });

function gatewayFindings(mesh: Mesh, { gateways, controllers }: GatewayApiAttachment): readonly Finding[] {
  const nobody = mesh.gatewayApi.gateways.filter(
    ({ className }) =>
      !Object.hasOwn(controllers.builtInClasses, className) &&
      mesh.gatewayApi.classes.every((c) => c.meta.name !== className),
  );
  return [
    ...nobody.map(({ meta, className }): Finding => {
      const message = `there is no GatewayClass ${quote(className)}, so nobody serves this Gateway`;
      return { severity: "error", origin: meta.origin, path: "spec.gatewayClassName", message };
    }),
    ...gateways.flatMap(({ gateway, faults, listeners }) => [
      ...faults.map((fault) => told(gateway.meta, fault)),
      ...listeners.flatMap((l) =>
        l.faults.map((fault) => told(l.owner.meta, fault, l.serves ? "" : ", so the listener takes no calls")),
      ),
    ]),
  ];
}

function listenerSetFindings(mesh: Mesh, { listenerSets }: GatewayApiAttachment): readonly Finding[] {
  return [
    ...mesh.gatewayApi.listenerSets.flatMap(({ meta, parent }) => missingParent(mesh, meta, parent, "spec.parentRef")),
    ...listenerSets.flatMap(({ listenerSet, fault }) => (fault === undefined ? [] : [told(listenerSet.meta, fault)])),
  ];
}

function routeFindings(mesh: Mesh, { routes }: GatewayApiAttachment): readonly Finding[] {
  return [
    ...mesh.gatewayApi.routes.flatMap((route) => parentless(mesh, route)),
    ...routes.flatMap(({ route, parents }) => {
      const { meta } = route.document;
      return [
        ...parents.flatMap(({ fault }) =>
          fault === undefined ? [] : [told(meta, fault, ", so the route is not attached")],
        ),
        ...unsupportedFilters(route).map((fault) =>
          told(meta, { ...fault, reason: REASONS[fault.t] }, ", so calls that it would see fail"),
        ),
        ...backendFaults(route).map((fault) => told(meta, fault, ", so its share of the calls fails")),
      ];
    }),
  ];
}

const REASONS = { ExtensionRef: "InvalidKind", ExternalAuth: "UnsupportedValue" } as const;

function parentless(mesh: Mesh, { meta, parents }: GatewayRoute): readonly Finding[] {
  if (parents.length > 0) return parents.flatMap((parent) => missingParent(mesh, meta, parent, parent.at.path));
  const message = "the route names no parent, so it acts nowhere";
  return [{ severity: "warning", origin: meta.origin, path: "spec", message }];
}

/** A Gateway of another's class is there, and none of our concern. */
function missingParent(
  mesh: Mesh,
  { origin }: ObjectMeta,
  { group, kind, namespace, name }: Pick<ParentReference, "group" | "kind" | "namespace" | "name">,
  path: string,
): readonly Finding[] {
  if (group !== GATEWAY_GROUP) return [];
  const { gateways, listenerSets } = mesh.gatewayApi;
  const all = kind === "Gateway" ? gateways : kind === "ListenerSet" ? listenerSets : [];
  if (all.some(({ meta }) => meta.namespace === namespace && meta.name === name)) return [];
  return [
    {
      severity: "error",
      origin,
      path,
      message: `there is no ${kind} ${quote(`${namespace}/${name}`)} [NoMatchingParent]`,
    },
  ];
}

function policyFindings({ backendTls, backendTraffic }: GatewayApiAttachment): readonly Finding[] {
  return [
    ...backendTls.flatMap(({ policy: { meta }, targets, faults, noValidCa }) => [
      ...targetFindings(meta, targets),
      ...faults.map((fault) => told(meta, fault, noValidCa ? ", so calls to the targets fail" : "")),
    ]),
    ...backendTraffic.flatMap(({ policy: { meta }, targets }) => targetFindings(meta, targets)),
  ];
}

const targetFindings = (meta: ObjectMeta, targets: readonly PolicyTargetOutcome[]): readonly Finding[] =>
  targets.flatMap(({ fault }) => {
    if (fault === undefined) return [];
    const severity = fault.reason === "Conflicted" ? "warning" : "error";
    return [told(meta, fault, ", so the policy does not hold there", severity)];
  });

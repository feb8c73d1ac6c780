/**
 * Gateways that are ours, with their listeners and those of ListenerSets; routes come later.
 *
 * @module
 */
import type { Credential } from "../../gateway.ts";
import type { Mesh } from "../../mesh.ts";
import { policiesFor } from "../../workload-policies.ts";
import type { KubernetesGateway, ListenerSet } from "../gateway.ts";
import { GATEWAY_GROUP, type ObjectReference } from "../reference.ts";
import { servesGateway } from "../workloads.ts";
import type { AttachedListenerSet, GatewayControllers, GatewayFault } from "./attachment.ts";
import { withConflicts } from "./conflicts.ts";
import { controllerOf } from "./controllers.ts";
import { type ReadyListener, readyListener } from "./listeners.ts";
import { letsIn, type NamespaceLabels } from "./namespaces.ts";
import { unreadableParameters } from "./parameters.ts";
import { byAge } from "./precedence.ts";
import type { References } from "./resolve.ts";

export interface ReadyGateway {
  readonly gateway: KubernetesGateway;
  readonly controllerName: string;
  readonly listeners: readonly ReadyListener[];
  readonly listenerSets: readonly ReadyListenerSet[];
  readonly backendClientCertificate: Credential | undefined;
  readonly faults: readonly GatewayFault[];
}

export type ReadyListenerSet = Pick<AttachedListenerSet, "listenerSet" | "fault">;

export function readyGateways(
  mesh: Mesh,
  controllers: GatewayControllers,
  references: References,
  labelsOf: NamespaceLabels,
): readonly ReadyGateway[] {
  return mesh.gatewayApi.gateways.flatMap((gateway) => {
    const controllerName = controllerOf(mesh, controllers, gateway.className);
    if (controllerName === undefined) return [];
    const classParameters = mesh.gatewayApi.classes.find((c) => c.meta.name === gateway.className)?.parametersRef;
    const listenerSets = setsOf(mesh.gatewayApi.listenerSets, gateway, labelsOf);
    const owners = [gateway, ...listenerSets.filter((s) => s.fault === undefined).map((s) => s.listenerSet)];
    const listeners = owners.flatMap((owner) =>
      owner.listeners.map((listener) => held(mesh, gateway, readyListener(gateway, owner, listener, references))),
    );
    return [
      {
        gateway,
        controllerName,
        listeners: withConflicts(listeners, gateway.listeners.length),
        listenerSets,
        ...ownReferences(gateway, classParameters, references),
      },
    ];
  });
}

/** Nothing tells senders of datagrams apart, so a gateway that lets in only some takes none. */
function held(mesh: Mesh, gateway: KubernetesGateway, ready: ReadyListener): ReadyListener {
  if (ready.listener.protocol !== "UDP" || mesh.authorizationPolicies.length === 0) return ready;
  const [policy] = mesh.workloads
    .filter((workload) => servesGateway(mesh.services, workload, gateway))
    .flatMap((workload) => policiesFor(mesh, workload).filter(({ dryRun }) => !dryRun));
  if (policy === undefined) return ready;
  const { name, namespace } = policy.origin;
  const message = `the AuthorizationPolicy ${namespace}/${name} holds for the gateway, and cannot for UDP: have UDP at a gateway of its own`;
  const fault = { condition: "Accepted", reason: "UnsupportedValue", message, at: ready.listener.at } as const;
  return { ...ready, faults: [...ready.faults, fault] };
}

/** The sets that name a Gateway, the oldest first. */
function setsOf(
  all: readonly ListenerSet[],
  gateway: KubernetesGateway,
  labelsOf: NamespaceLabels,
): readonly ReadyListenerSet[] {
  const { namespace, name } = gateway.meta;
  const naming = all.filter(
    ({ parent }) =>
      parent.group === GATEWAY_GROUP &&
      parent.kind === "Gateway" &&
      parent.namespace === namespace &&
      parent.name === name,
  );
  return naming
    .toSorted((a, b) => byAge(a.meta, b.meta))
    .map((listenerSet) => {
      if (letsIn(gateway.allowedListeners, namespace, listenerSet.meta.namespace, labelsOf))
        return { listenerSet, fault: undefined };
      const message = `allowedListeners of the Gateway ${namespace}/${name} lets in no ListenerSet of the namespace ${listenerSet.meta.namespace}`;
      return { listenerSet, fault: { reason: "NotAllowed", message, at: listenerSet.parent.at } };
    });
}

const ADDRESS_TYPES = ["IPAddress", "Hostname"];

function ownReferences(
  gateway: KubernetesGateway,
  classParameters: ObjectReference | undefined,
  references: References,
): Pick<ReadyGateway, "backendClientCertificate" | "faults"> {
  const faults: GatewayFault[] = gateway.addresses
    .filter(({ type }) => !ADDRESS_TYPES.includes(type))
    .map(({ type, at }) => ({
      condition: "Accepted",
      reason: "UnsupportedAddress",
      message: `the type of an address is one of ${ADDRESS_TYPES.join(", ")}, found ${type}`,
      at,
    }));
  const parameters = [
    unreadableParameters("Gateway", gateway.infrastructure.parametersRef),
    unreadableParameters("GatewayClass", classParameters),
  ];
  for (const fault of parameters) if (fault !== undefined) faults.push({ condition: "Accepted", ...fault });
  const wanted = gateway.tls.backendClientCertificate;
  if (wanted === undefined) return { backendClientCertificate: undefined, faults };
  const found = references.certificate({ kind: "Gateway", namespace: gateway.meta.namespace }, wanted);
  if (found.t === "found") return { backendClientCertificate: found.value, faults };
  const reason = found.reason === "InvalidCertificateRef" ? "InvalidClientCertificateRef" : found.reason;
  faults.push({ condition: "ResolvedRefs", reason, message: found.message, at: found.at });
  return { backendClientCertificate: undefined, faults };
}

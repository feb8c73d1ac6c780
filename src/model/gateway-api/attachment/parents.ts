/**
 * Whether a route is attached to the parent that it names.
 *
 * @module
 */
import type { KubernetesGateway, ListenerSet } from "../gateway.ts";
import { GATEWAY_GROUP, type ParentReference } from "../reference.ts";
import type { GatewayRoute } from "../route.ts";
import type { ParentFault } from "./attachment.ts";
import { hostsMeet, meetingHosts } from "./hostnames.ts";
import type { ReadyListener } from "./listeners.ts";
import { letsIn, type NamespaceLabels } from "./namespaces.ts";

/** Where a route goes: each listener with the hosts that it serves there. */
export type Attached = ReadonlyMap<ReadyListener, readonly string[]>;

export type Attachment =
  | { readonly t: "attached"; readonly to: Attached }
  | { readonly t: "fault"; readonly fault: ParentFault };

/** @param listeners Of the Gateway or ListenerSet that `parent` names. */
export function attachTo(
  route: GatewayRoute,
  parent: ParentReference,
  owner: KubernetesGateway | ListenerSet,
  listeners: readonly ReadyListener[],
  labelsOf: NamespaceLabels,
): Attachment {
  const named = listeners.filter(
    ({ listener }) =>
      (parent.sectionName === undefined || parent.sectionName === listener.name) &&
      (parent.port === undefined || parent.port === listener.port),
  );
  const fault = (reason: ParentFault["reason"], message: string): Attachment => ({
    t: "fault",
    fault: { reason, message, at: parent.at },
  });
  const of = `the ${parent.kind} ${owner.meta.namespace}/${owner.meta.name}`;
  if (named.length === 0)
    return fault("NoMatchingParent", `${of} has no listener ${wanted(parent)}: it has ${list(listeners)}`);
  const to = new Map<ReadyListener, readonly string[]>();
  const refusals: Refusal[] = [];
  for (const ready of named) {
    const refusal = refusalOf(route, owner, ready, labelsOf);
    if (refusal === undefined) to.set(ready, meetingHosts(ready.listener.hostname, route.hostnames));
    else refusals.push(refusal);
  }
  if (to.size > 0) return { t: "attached", to };
  // What is not allowed is closer to being attached than what asks for other hosts.
  const reason = refusals.some((r) => r.reason === "NotAllowedByListeners")
    ? "NotAllowedByListeners"
    : "NoMatchingListenerHostname";
  const told = refusals.filter((r) => r.reason === reason).map((r) => r.message());
  return fault(reason, `${of}: ${told.join("; ")}`);
}

interface Refusal {
  readonly reason: "NotAllowedByListeners" | "NoMatchingListenerHostname";
  /** Made only where it is told: most routes are attached to one listener of many. */
  readonly message: () => string;
}

function refusalOf(
  { t, meta, hostnames }: GatewayRoute,
  owner: KubernetesGateway | ListenerSet,
  { listener, supportedKinds }: ReadyListener,
  labelsOf: NamespaceLabels,
): Refusal | undefined {
  const notAllowed = (message: () => string): Refusal => ({ reason: "NotAllowedByListeners", message });
  if (!supportedKinds.some((k) => k.group === GATEWAY_GROUP && k.kind === t))
    return notAllowed(
      () =>
        `the listener ${listener.name} takes ${supportedKinds.map((k) => k.kind).join(", ") || "no routes"}, not a ${t}`,
    );
  if (!hostsMeet(listener.hostname, hostnames)) {
    const message = (): string =>
      `the listener ${listener.name} is for ${listener.hostname}, the route for ${hostnames.join(", ")}`;
    return { reason: "NoMatchingListenerHostname", message };
  }
  if (letsIn(listener.allowedNamespaces, owner.meta.namespace, meta.namespace, labelsOf)) return undefined;
  return notAllowed(
    () =>
      `the listener ${listener.name} lets in no route of the namespace ${meta.namespace} (allowedRoutes.namespaces.from is ${listener.allowedNamespaces.t})`,
  );
}

const wanted = ({ sectionName, port }: ParentReference): string =>
  [sectionName, port === undefined ? undefined : `of port ${port}`].filter((part) => part !== undefined).join(" ") ||
  "at all";

const list = (listeners: readonly ReadyListener[]): string =>
  listeners.map(({ listener: { name, port } }) => `${name} (${port})`).join(", ") || "none";

/**
 * Attaches routes to what they name.
 *
 * @module
 */
import type { Mesh } from "../../mesh.ts";
import type { KubernetesGateway, ListenerSet } from "../gateway.ts";
import { GATEWAY_GROUP, type ParentReference } from "../reference.ts";
import type {
  AttachedGateway,
  AttachedListener,
  AttachedRoute,
  GatewayApiAttachment,
  GatewayControllers,
  ParentOutcome,
  ResolvedRoute,
  RouteOutcome,
} from "./attachment.ts";
import { backendTls } from "./backend-tls.ts";
import { backendTraffic } from "./backend-traffic.ts";
import { defaultControllers, ourClasses } from "./controllers.ts";
import { type ReadyGateway, readyGateways } from "./gateways.ts";
import type { ReadyListener } from "./listeners.ts";
import { type NamespaceLabels, namespaceLabels } from "./namespaces.ts";
import { attachTo } from "./parents.ts";
import { byAge } from "./precedence.ts";
import { type References, referencesOf } from "./resolve.ts";
import { resolveRoute } from "./resolved-route.ts";
import { type AtPort, isServiceParent, portsOf, serviceRoutes } from "./services.ts";

/** What the documents of the Gateway API in a mesh mean together. Pure. */
export function attachGatewayApi(
  mesh: Mesh,
  controllers: GatewayControllers = defaultControllers,
): GatewayApiAttachment {
  const references = referencesOf(mesh);
  const labelsOf = namespaceLabels(mesh);
  const gateways = readyGateways(mesh, controllers, references, labelsOf);
  const round: Round = { references, labelsOf, gateways, controllers, atListeners: new Map(), atPorts: [] };
  const routes = mesh.gatewayApi.routes.map((route) => outcome(resolveRoute(route, references), round));
  const attached = gateways.map((ready) => attachedGateway(ready, round.atListeners));
  return {
    controllers,
    classes: ourClasses(mesh, controllers),
    gateways: attached,
    listenerSets: gateways.flatMap((ready, i) => setsOf(ready, attached[i])),
    services: serviceRoutes(round.atPorts),
    routes: routes.filter((r) => r.parents.length > 0),
    backendTls: backendTls(mesh, references),
    backendTraffic: backendTraffic(mesh, references),
  };
}

/** What is gathered while the routes are gone through. */
interface Round {
  readonly references: References;
  readonly labelsOf: NamespaceLabels;
  readonly gateways: readonly ReadyGateway[];
  readonly controllers: GatewayControllers;
  readonly atListeners: Map<ReadyListener, Map<ResolvedRoute, readonly string[]>>;
  readonly atPorts: AtPort[];
}

function outcome(route: ResolvedRoute, round: Round): RouteOutcome {
  const parents = route.document.parents.flatMap((parent) =>
    isServiceParent(parent) ? [atService(route, parent, round)] : (atGateway(route, parent, round) ?? []),
  );
  return { route, parents };
}

function atService(route: ResolvedRoute, parent: ParentReference, round: Round): ParentOutcome {
  const controllerName = round.controllers.meshName;
  if (route.t === "UDPRoute") return { parent, controllerName, fault: noUdpInside(parent) };
  const ports = portsOf(parent, round.references.services(parent));
  if ("reason" in ports) return { parent, controllerName, fault: ports };
  for (const at of ports) round.atPorts.push({ ...at, route });
  return { parent, controllerName, fault: undefined };
}

const noUdpInside = ({ at }: ParentReference): ParentOutcome["fault"] => ({
  reason: "UnsupportedValue",
  message: "a UDPRoute hangs at a Gateway: calls inside of the mesh are TCP",
  at,
});

/** Undefined: the parent is not there, or another's. */
function atGateway(route: ResolvedRoute, parent: ParentReference, round: Round): ParentOutcome | undefined {
  const found = parent.group === GATEWAY_GROUP ? ownerOf(parent, round.gateways) : undefined;
  if (found === undefined) return undefined;
  const { owner, ready } = found;
  const own = ready.listeners.filter((l) => l.owner === owner);
  const result = attachTo(route.document, parent, owner, own, round.labelsOf);
  const { controllerName } = ready;
  if (result.t === "fault") return { parent, controllerName, fault: result.fault };
  for (const [listener, hostnames] of result.to) {
    const routes = round.atListeners.get(listener) ?? new Map<ResolvedRoute, readonly string[]>();
    round.atListeners.set(listener, routes.set(route, hostnames));
  }
  return { parent, controllerName, fault: undefined };
}

function ownerOf(
  { kind, namespace, name }: ParentReference,
  gateways: readonly ReadyGateway[],
): { readonly owner: KubernetesGateway | ListenerSet; readonly ready: ReadyGateway } | undefined {
  const isNamed = ({ meta }: KubernetesGateway | ListenerSet): boolean =>
    meta.namespace === namespace && meta.name === name;
  for (const ready of gateways) {
    if (kind === "Gateway" && isNamed(ready.gateway)) return { owner: ready.gateway, ready };
    const set = ready.listenerSets.find((s) => kind === "ListenerSet" && isNamed(s.listenerSet));
    if (set !== undefined) return { owner: set.listenerSet, ready };
  }
  return undefined;
}

function attachedGateway(ready: ReadyGateway, atListeners: Round["atListeners"]): AttachedGateway {
  const { gateway, controllerName, backendClientCertificate, faults } = ready;
  const listeners = ready.listeners.map((l) => attachedListener(l, atListeners.get(l) ?? new Map()));
  return { gateway, controllerName, listeners, backendClientCertificate, faults };
}

function attachedListener(ready: ReadyListener, at: ReadonlyMap<ResolvedRoute, readonly string[]>): AttachedListener {
  const routes = [...at]
    .map(([route, hostnames]): AttachedRoute => ({ route, hostnames }))
    .toSorted((a, b) => byAge(a.route.document.meta, b.route.document.meta));
  return { ...ready, serves: serves(ready), routes };
}

/** References that lead nowhere leave it standing, so long as there is something to show. */
function serves({ faults, listener, certificates, meshTls }: ReadyListener): boolean {
  const ends = meshTls === undefined && (listener.protocol === "HTTPS" || listener.tls?.mode === "Terminate");
  return faults.every((f) => f.condition === "ResolvedRefs") && (!ends || certificates.length > 0);
}

const setsOf = (ready: ReadyGateway, gateway: AttachedGateway | undefined): GatewayApiAttachment["listenerSets"] =>
  gateway === undefined
    ? []
    : ready.listenerSets.map(({ listenerSet, fault }) => ({
        listenerSet,
        gateway,
        fault,
        listeners: gateway.listeners.filter((l) => l.owner === listenerSet),
      }));

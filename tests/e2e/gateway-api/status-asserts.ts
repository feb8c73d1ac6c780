/**
 * What upstream's assertion helpers look for in the status of documents.
 *
 * @module
 */
import type { Condition } from "../../../src/config/gateway-api/status/condition.ts";
import type { ListenerStatus, ObjectStatus, ParentStatus } from "../../../src/config/gateway-api/status/status.ts";
import type { AssertStep } from "../../suites/gateway-api.ts";

interface WantedCondition {
  readonly Type: string;
  readonly Status: string;
  /** Absent: any. */
  readonly Reason?: string;
}

interface WantedListener {
  readonly Name: string;
  readonly SupportedKinds?: readonly { readonly Kind: string }[];
  readonly Conditions?: readonly WantedCondition[];
  readonly AttachedRoutes?: number;
}

interface WantedParent {
  readonly ParentRef: { readonly Name: string; readonly SectionName?: string; readonly Port?: number };
  readonly Conditions: readonly WantedCondition[];
}

/** Documents of a kind, and what they are told. */
export class StatusView {
  readonly #all: readonly ObjectStatus[];

  constructor(all: readonly ObjectStatus[]) {
    this.#all = all;
  }

  of<Kind extends ObjectStatus["kind"]>(kind: Kind, name: unknown): Extract<ObjectStatus, { kind: Kind }> {
    const wanted = String(name).replace(/^\//, "");
    const found = this.#all.find(
      (it) => it.kind === kind && (wanted === `${it.meta.namespace}/${it.meta.name}` || wanted === it.meta.name),
    );
    if (found === undefined) throw new Error(`${kind} ${wanted} is told nothing`);
    return found as Extract<ObjectStatus, { kind: Kind }>;
  }

  inNamespaces<Kind extends ObjectStatus["kind"]>(kind: Kind, namespaces: readonly string[]) {
    return this.#all.filter(
      (it): it is Extract<ObjectStatus, { kind: Kind }> => it.kind === kind && namespaces.includes(it.meta.namespace),
    );
  }
}

type RouteKind = "HTTPRoute" | "GRPCRoute" | "TLSRoute" | "TCPRoute" | "UDPRoute";

const ACCEPTED: WantedCondition = { Type: "Accepted", Status: "True" };
const PROGRAMMED: WantedCondition = { Type: "Programmed", Status: "True" };

/** Marks Gateways that are not meant to work. */
const SKIP_READINESS = "gateway-api/skip-this-for-readiness";

/** What is not as the step wants it; undefined where all is. @throws {Error} If a document is told nothing. */
export function assertDifference(step: AssertStep, view: StatusView): string | undefined {
  const { helper, args = [] } = step;
  const [first, second, third] = args;
  const [, routeKind = "HTTPRoute"] = /^(HTTP|GRPC|TLS|TCP|UDP)Route/.exec(helper) ?? [];
  const kind = `${routeKind.replace("Route", "")}Route` as RouteKind;
  switch (helper) {
    case "NamespacesMustBeReady":
      return unready(view, first as readonly string[]);
    case "GatewayAndHTTPRoutesMustBeAccepted":
    case "GatewayAndTLSRoutesMustBeAccepted":
    case "GatewayAndTCPRoutesMustBeAccepted":
    case "GatewayAndUDPRoutesMustBeAccepted":
    case "GatewayAndRoutesMustBeAccepted":
    case "RoutesAndParentMustBeAccepted":
      return notAccepted(step, view);
    case "HTTPRouteMustHaveCondition":
    case "TLSRouteMustHaveCondition":
    case "TCPRouteMustHaveCondition":
    case "UDPRouteMustHaveCondition":
      return lacking(parentOf(view.of(kind, first).parents, second).conditions, [third as WantedCondition]);
    case "HTTPRouteMustHaveResolvedRefsConditionsTrue":
    case "TLSRouteMustHaveResolvedRefsConditionsTrue":
      return lacking(parentOf(view.of(kind, first).parents, second).conditions, [
        { Type: "ResolvedRefs", Status: "True", Reason: "ResolvedRefs" },
      ]);
    case "HTTPRouteMustHaveNoAcceptedParents":
    case "TLSRouteMustHaveNoAcceptedParents":
      return view.of(kind, first).parents.some(({ conditions }) => lacking(conditions, [ACCEPTED]) === undefined)
        ? `${String(first)} has a parent that accepts it`
        : undefined;
    case "HTTPRouteMustHaveLatestConditions":
      return view
        .of(kind, first)
        .parents.map((p) => stale(p.conditions, view.of(kind, first)))
        .find(Boolean);
    case "TCPRouteMustHaveParents":
    case "UDPRouteMustHaveParents":
      return parentsDifference(view.of(kind, first).parents, second as readonly WantedParent[]);
    case "GatewayMustHaveCondition":
      return lacking(view.of("Gateway", first).conditions, [second as WantedCondition]);
    case "GatewayMustHaveLatestConditions":
      return stale(view.of("Gateway", first).conditions, view.of("Gateway", first));
    case "GatewayMustHaveZeroRoutes":
      return view.of("Gateway", first).listeners.some(({ attachedRoutes }) => attachedRoutes > 0)
        ? `${String(first)} has routes`
        : undefined;
    case "GatewayMustHaveAttachedListeners":
      return unlike("attached ListenerSets", second, view.of("Gateway", first).attachedListenerSets);
    case "GatewayStatusMustHaveListeners":
      return listenersDifference(view.of("Gateway", first).listeners, second as readonly WantedListener[]);
    case "ListenerSetStatusMustHaveListeners":
      return listenersDifference(view.of("ListenerSet", first).listeners, second as readonly WantedListener[]);
    case "GatewayListenerMustHaveConditions":
      return lacking(listenerOf(view.of("Gateway", first).listeners, second), third as readonly WantedCondition[]);
    case "GatewayListenersMustHaveConditions":
      return lacking(listenerOf(view.of("Gateway", first).listeners, third), second as readonly WantedCondition[]);
    case "ListenerSetListenersMustHaveConditions":
      return lacking(listenerOf(view.of("ListenerSet", first).listeners, third), second as readonly WantedCondition[]);
    case "ListenerSetMustHaveCondition":
      return lacking(view.of("ListenerSet", first).conditions, [second as WantedCondition]);
    case "BackendTLSPolicyMustHaveCondition":
      return lacking(parentOf(view.of("BackendTLSPolicy", first).ancestors, second).conditions, [
        third as WantedCondition,
      ]);
    case "BackendTLSPolicyMustHaveLatestConditions": {
      const { Namespace, Name } = (first as { readonly ObjectMeta: Readonly<Record<string, string>> }).ObjectMeta;
      const policy = view.of("BackendTLSPolicy", `${Namespace}/${Name}`);
      return policy.ancestors.map(({ conditions }) => stale(conditions, policy)).find(Boolean);
    }
    case "GWCMustHaveAcceptedConditionAny":
      return view.of("GatewayClass", first).conditions.some(({ type }) => type === "Accepted")
        ? undefined
        : "the class is not told whether it is accepted";
    case "GatewayClassMustHaveLatestConditions":
      return stale(view.of("GatewayClass", first).conditions, view.of("GatewayClass", first));
    case "GenerationMustDiffer":
      return undefined;
    default:
      return `the assertion ${helper} is not known`;
  }
}

function unready(view: StatusView, namespaces: readonly string[]): string | undefined {
  return view
    .inNamespaces("Gateway", namespaces)
    .filter(({ meta }) => meta.annotations[SKIP_READINESS] !== "true")
    .map((gateway) => {
      const problem = stale(gateway.conditions, gateway) ?? lacking(gateway.conditions, [ACCEPTED, PROGRAMMED]);
      return problem && `Gateway ${gateway.meta.name}: ${problem}`;
    })
    .find(Boolean);
}

function notAccepted({ parent, routes = [], routeKind }: AssertStep, view: StatusView): string | undefined {
  if (parent === undefined) return "names no parent";
  if (parent.kind === "Gateway") {
    const { addresses, conditions } = view.of("Gateway", parent.name);
    if (addresses.length === 0) return `${parent.name} has no address`;
    const problem = lacking(conditions, [ACCEPTED]);
    if (problem !== undefined) return problem;
  }
  for (const route of routes) {
    const status = view.of(routeKind as RouteKind, route);
    const problem =
      lacking(parentOf(status.parents, parent.name).conditions, [ACCEPTED]) ??
      status.parents.map((p) => stale(p.conditions, status)).find(Boolean);
    if (problem !== undefined) return `${route}: ${problem}`;
  }
  return undefined;
}

function parentOf(parents: readonly ParentStatus[], name: unknown): ParentStatus {
  const found = parents.find(({ parent }) => name === `${parent.namespace}/${parent.name}` || name === parent.name);
  if (found === undefined) throw new Error(`there is no status for ${String(name)}`);
  return found;
}

function listenerOf(listeners: readonly ListenerStatus[], name: unknown): readonly Condition[] {
  const found = listeners.find((listener) => listener.name === name);
  if (found === undefined) throw new Error(`there is no status for the listener ${String(name)}`);
  return found.conditions;
}

function lacking(conditions: readonly Condition[], wanted: readonly WantedCondition[]): string | undefined {
  for (const { Type, Status, Reason } of wanted) {
    const found = conditions.find(({ type }) => type === Type);
    if (found?.status !== Status || (Reason !== undefined && Reason !== "" && found.reason !== Reason))
      return `wanted ${Type} ${Status} ${Reason ?? ""}, got ${found?.status} ${found?.reason} ${found?.message}`;
  }
  return undefined;
}

const stale = (conditions: readonly Condition[], { meta }: Pick<ObjectStatus, "meta">): string | undefined =>
  conditions.length > 0 && conditions.every(({ observedGeneration }) => observedGeneration === meta.generation)
    ? undefined
    : `generation ${meta.generation} is not what its ${conditions.length} conditions have seen`;

function listenersDifference(all: readonly ListenerStatus[], wanted: readonly WantedListener[]): string | undefined {
  if (all.length !== wanted.length) return `wanted ${wanted.length} listeners, got ${all.length}`;
  for (const { Name, SupportedKinds = [], Conditions = [], AttachedRoutes = 0 } of wanted) {
    const found = all.find(({ name }) => name === Name);
    if (found === undefined) return `there is no status for the listener ${Name}`;
    const kinds = found.supportedKinds.map(({ kind }) => kind);
    const missing = SupportedKinds.find(({ Kind }) => !kinds.includes(Kind));
    if (missing !== undefined || (SupportedKinds.length === 0 && kinds.length > 0))
      return `${Name}: wanted kinds ${SupportedKinds.map(({ Kind }) => Kind).join()}, got ${kinds.join()}`;
    const problem =
      unlike("attached routes", AttachedRoutes, found.attachedRoutes) ?? lacking(found.conditions, Conditions);
    if (problem !== undefined) return `${Name}: ${problem}`;
  }
  return undefined;
}

/** As upstream compares: a section or port that the step does not name may be any. */
function parentsDifference(all: readonly ParentStatus[], wanted: readonly WantedParent[]): string | undefined {
  if (all.length !== wanted.length) return `wanted ${wanted.length} parents, got ${all.length}`;
  for (const { ParentRef, Conditions } of wanted) {
    const found = all.find(
      ({ parent }) =>
        parent.name === ParentRef.Name &&
        (ParentRef.SectionName ?? parent.sectionName) === parent.sectionName &&
        (ParentRef.Port ?? parent.port) === parent.port,
    );
    if (found === undefined) return `there is no status for ${JSON.stringify(ParentRef)}`;
    const problem = lacking(found.conditions, Conditions);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

const unlike = (what: string, wanted: unknown, got: unknown): string | undefined =>
  wanted === got ? undefined : `${what}: wanted ${String(wanted)}, got ${String(got)}`;

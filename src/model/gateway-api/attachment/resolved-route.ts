/**
 * A route with its references looked up.
 *
 * @module
 */
import type { BackendReference } from "../reference.ts";
import type { GatewayRoute, RequestMirror, RouteBackend, UnsupportedFilter, WeightedBackend } from "../route.ts";
import type {
  BackendFault,
  BackendTarget,
  Fault,
  ResolvedBackend,
  ResolvedMirror,
  ResolvedRoute,
  ResolvedRouteBackend,
} from "./attachment.ts";
import type { References } from "./resolve.ts";
import { isServiceParent } from "./services.ts";

export function resolveRoute(route: GatewayRoute, references: References): ResolvedRoute {
  const backendOf = (ref: BackendReference): BackendTarget => {
    const { namespace } = isParent(route, ref) ? ref : route.meta;
    return references.backend({ kind: route.t, namespace }, ref);
  };
  const mirrors = (all: readonly RequestMirror[]): readonly ResolvedMirror[] =>
    all.map((mirror) => ({ mirror, target: backendOf(mirror.ref) }));
  const connection = (backend: WeightedBackend): ResolvedBackend => ({
    backend,
    target: backendOf(backend.ref),
  });
  const request = (backend: RouteBackend): ResolvedRouteBackend => ({
    backend,
    target: backendOf(backend.ref),
    mirrors: mirrors(backend.filters.mirrors),
  });
  const requestRule = <
    R extends { readonly backends: readonly RouteBackend[]; readonly filters: RouteBackend["filters"] },
  >(
    rule: R,
  ) => ({ rule, backends: rule.backends.map(request), mirrors: mirrors(rule.filters.mirrors) });
  switch (route.t) {
    case "HTTPRoute":
      return { t: route.t, document: route, rules: route.rules.map(requestRule) };
    case "GRPCRoute":
      return { t: route.t, document: route, rules: route.rules.map(requestRule) };
    case "TLSRoute":
    case "TCPRoute": {
      const rules = route.rules.map((rule) => ({ rule, backends: rule.backends.map(connection), mirrors: [] }));
      return route.t === "TLSRoute" ? { t: route.t, document: route, rules } : { t: route.t, document: route, rules };
    }
    case "UDPRoute": {
      const from = { kind: route.t, namespace: route.meta.namespace };
      const rules = route.rules.map((rule) => ({
        rule,
        backends: rule.backends.map((backend) => ({ backend, target: references.udpBackend(from, backend.ref) })),
        mirrors: [],
      }));
      return { t: route.t, document: route, rules };
    }
  }
}

/** What does not lead anywhere: filters, then backends in the order of the document. */
export function referenceFaults(route: ResolvedRoute): readonly BackendFault[] {
  const extensions = unsupportedFilters(route).filter(({ t }) => t === "ExtensionRef");
  return [
    ...extensions.map(({ at, message }): BackendFault => ({ reason: "InvalidKind", message, at })),
    ...backendFaults(route),
  ];
}

/** Filters of rules and backends whose calls fail. */
export const unsupportedFilters = (route: ResolvedRoute): readonly UnsupportedFilter[] =>
  route.rules.flatMap(unsupportedIn);

function unsupportedIn({ rule, backends }: ResolvedRoute["rules"][number]): readonly UnsupportedFilter[] {
  const own = "filters" in rule ? rule.filters.unsupported : [];
  return [...own, ...backends.flatMap(({ backend }) => ("filters" in backend ? backend.filters.unsupported : []))];
}

export type ValueFault = Fault<"UnsupportedValue"> & {
  /** No rule is left without. */
  readonly everyRule: boolean;
};

/** Values that are known, and that nothing is done about but to refuse the calls. */
export function valueFaults(route: ResolvedRoute): readonly ValueFault[] {
  const inRules = route.rules.map((rule) => unsupportedIn(rule).filter(({ t }) => t === "ExternalAuth"));
  const everyRule = inRules.every((found) => found.length > 0);
  return inRules.flat().map(({ at, message }) => ({ reason: "UnsupportedValue", message, at, everyRule }));
}

/** Backends that lead nowhere, in the order of the document. */
export function backendFaults(route: ResolvedRoute): readonly BackendFault[] {
  const targets = route.rules.flatMap((rule) => [
    ...rule.backends.flatMap((b) => [b.target, ...("mirrors" in b ? b.mirrors.map((m) => m.target) : [])]),
    ...rule.mirrors.map((m) => m.target),
  ]);
  return targets.flatMap((target) => (target.t === "invalid" ? [target] : []));
}

/**
 * Callers that reach a Service through a route need no leave to be sent on to that very Service. A route that hangs at a Gateway as well
 * does: else whoever names the Service as a parent could show it to the world.
 */
const isParent = ({ parents }: GatewayRoute, ref: BackendReference): boolean =>
  parents.every(isServiceParent) &&
  parents.some(
    (p) => p.group === ref.group && p.kind === ref.kind && p.namespace === ref.namespace && p.name === ref.name,
  );

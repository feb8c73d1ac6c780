/**
 * The way back from a route to the match of the document that it was made from. Routes carry its place.
 *
 * @module
 */
import type { Place } from "../../base/problem.ts";
import type { RouteOrigin } from "../../engine/origin.ts";
import type { Mesh } from "../../model/mesh.ts";
import type { Origin } from "../../model/origin.ts";
import type { HttpMatch, HttpRule, VirtualService } from "../../model/virtual-service.ts";
import type { FieldPlace } from "../../model/gateway-api/reference.ts";
import type { GatewayRoute, GrpcRouteRule, HttpRouteRule } from "../../model/gateway-api/route.ts";
import { type FieldOf, grpcRouteField, httpRouteField, virtualServiceField } from "./written-fields.ts";
import { covers } from "../../translate/mesh-index.ts";

/** One match of a rule; a rule without matches is one too. */
export interface WrittenMatch {
  /** Whose hosts it is for; undefined where it is a route's of the Gateway API. */
  readonly virtualService: VirtualService | undefined;
  /** The document that it stands in: that of `virtualService`, or a delegate of it. */
  readonly origin: Origin;
  /** Of a VirtualService's rule. */
  readonly match: HttpMatch | undefined;
  readonly fieldOf: FieldOf;
  /** Its rule has no other. */
  readonly single: boolean;
  readonly place: Place;
  /** Its number among all matches of the document. */
  readonly order: number;
  /** `http[1].match[0]`; `http[1]` where the rule has no matches. */
  readonly path: string;
  /** Of the rule: its name, or `http[1]`. */
  readonly name: string;
}

const WRITTEN = new WeakMap<Mesh, ReadonlyMap<string, readonly WrittenMatch[]>>();

/**
 * The matches at the place that a route carries: more than one where several rules delegate to one. Empty for a route that no
 * document wrote.
 *
 * @param host That the route is for.
 */
export function writtenAt(mesh: Mesh, origin: RouteOrigin | undefined, host: string): readonly WrittenMatch[] {
  const all = origin === undefined ? [] : (writtenIn(mesh).get(keyOf(origin)) ?? []);
  const own = all.filter(({ virtualService }) => virtualService?.hosts.some((pattern) => covers(pattern, host)));
  return own.length === 0 ? all : own;
}

export function matchesOf(virtualService: VirtualService): readonly WrittenMatch[] {
  let order = 0;
  return virtualService.http.flatMap((rule): readonly WrittenMatch[] => {
    const { field, place } = rule;
    const common = {
      virtualService,
      origin: rule.delegate ?? virtualService.origin,
      name: rule.name ?? field,
      single: rule.matches.length <= 1,
    };
    if (rule.matches.length === 0)
      return [{ ...common, match: undefined, fieldOf: () => undefined, place, order: order++, path: field }];
    return rule.matches.map((match) => {
      const path = `${isInside(match.place, place) ? `${field}.` : ""}match[${numberOf(match, rule)}]`;
      return { ...common, match, fieldOf: virtualServiceField(match), place: match.place, order: order++, path };
    });
  });
}

/** Of an HTTPRoute or GRPCRoute; those of connections have no matches. */
function matchesOfRoute(route: GatewayRoute): readonly WrittenMatch[] {
  if (route.t !== "HTTPRoute" && route.t !== "GRPCRoute") return [];
  let order = 0;
  const written = (
    rule: HttpRouteRule | GrpcRouteRule,
    index: number,
    at: FieldPlace,
    fieldOf: FieldOf,
  ): WrittenMatch => ({
    virtualService: undefined,
    origin: route.meta.origin,
    match: undefined,
    fieldOf,
    single: rule.matches.length <= 1,
    place: at.place,
    order: order++,
    path: at.path.replace(/^spec\./, ""),
    name: rule.name ?? `rules[${index}]`,
  });
  return route.t === "HTTPRoute"
    ? route.rules.flatMap((rule, i) => rule.matches.map((match) => written(rule, i, match.at, httpRouteField(match))))
    : route.rules.flatMap((rule, i) => rule.matches.map((match) => written(rule, i, match.at, grpcRouteField(match))));
}

/** Of everything that a request's rules are written in. */
export const allMatches = ({ gatewayApi, virtualServices }: Mesh): readonly WrittenMatch[] => [
  ...virtualServices.flatMap(matchesOf),
  ...gatewayApi.routes.flatMap(matchesOfRoute),
];

/** A delegate's match may stand several times, once for each of the root's that it is part of. */
const numberOf = (match: HttpMatch, { matches }: HttpRule): number =>
  [...new Set(matches.map(({ place }) => place))].indexOf(match.place);

/** Not so where a delegate's rule has no matches, and those of the root hold for it. */
const isInside = (inner: Place, outer: Place): boolean => inner.file === outer.file && inner.line >= outer.line;

function writtenIn(mesh: Mesh): ReadonlyMap<string, readonly WrittenMatch[]> {
  const known = WRITTEN.get(mesh);
  if (known !== undefined) return known;
  const made = new Map<string, WrittenMatch[]>();
  for (const written of allMatches(mesh)) {
    const key = keyOf({ ...written.origin, ...written.place, rule: undefined });
    made.set(key, [...(made.get(key) ?? []), written]);
  }
  WRITTEN.set(mesh, made);
  return made;
}

const keyOf = ({ kind, namespace, name, file, line, column }: RouteOrigin): string =>
  `${kind} ${namespace}/${name} ${file}:${line}:${column}`;

/**
 * Who comes first where several documents say something of the same. Source: the Gateway API's words on AllowedRoutes,
 * HTTPRouteRule.matches and GRPCRouteRule.matches.
 *
 * @module
 */
import type { ObjectMeta } from "../reference.ts";
import type { GrpcRouteMatch, HttpRouteMatch } from "../route.ts";

/** The older document, then the first by `namespace/name`. One that nobody stored yet is the newest. */
export const byAge = (a: ObjectMeta, b: ObjectMeta): number =>
  compare(a.createdAtMs ?? Number.MAX_VALUE, b.createdAtMs ?? Number.MAX_VALUE) ||
  compare(`${a.namespace}/${a.name}`, `${b.namespace}/${b.name}`);

const compare = <T extends number | string>(a: T, b: T): number => (a < b ? -1 : a > b ? 1 : 0);

const PATH_RANK = { Exact: 0, PathPrefix: 1, RegularExpression: 2 } as const;

/**
 * The more specific match: an exact path, the longest prefix, a method, more headers, more query parameters. The specification leaves
 * the place of expressions open: here they come after the prefixes, but before what takes everything, as in Istio.
 */
export function byHttpMatch(a: HttpRouteMatch, b: HttpRouteMatch): number {
  return firstOf(
    Number(takesEverything(a)) - Number(takesEverything(b)),
    PATH_RANK[a.path.t] - PATH_RANK[b.path.t],
    b.path.value.length - a.path.value.length,
    Number(b.method !== undefined) - Number(a.method !== undefined),
    count(b.headers) - count(a.headers),
    count(b.queryParams) - count(a.queryParams),
  );
}

/** Nothing at all is asked for: what stands behind it would never be reached. */
const takesEverything = ({ path, method, headers, queryParams }: HttpRouteMatch): boolean =>
  path.t === "PathPrefix" &&
  path.value === "/" &&
  method === undefined &&
  count(headers) === 0 &&
  count(queryParams) === 0;

/** The more specific match: more of the service's name, of the method's, more headers. */
export function byGrpcMatch(a: GrpcRouteMatch, b: GrpcRouteMatch): number {
  return firstOf(
    (b.method.service?.length ?? 0) - (a.method.service?.length ?? 0),
    (b.method.method?.length ?? 0) - (a.method.method?.length ?? 0),
    count(b.headers) - count(a.headers),
  );
}

const count = (record: Readonly<Record<string, unknown>>): number => Object.keys(record).length;
const firstOf = (...differences: readonly number[]): number => differences.find((d) => d !== 0) ?? 0;

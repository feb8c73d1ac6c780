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
 * the place of expressions open: they come after the prefixes, `/` too, as in Istio.
 */
export function byHttpMatch(a: HttpRouteMatch, b: HttpRouteMatch): number {
  return firstOf(
    PATH_RANK[a.path.t] - PATH_RANK[b.path.t],
    pathLength(b) - pathLength(a),
    Number(b.method !== undefined) - Number(a.method !== undefined),
    count(b.headers) - count(a.headers),
    count(b.queryParams) - count(a.queryParams),
  );
}

/** Without the slash at a prefix's end, which says nothing. */
const pathLength = ({ path: { t, value } }: HttpRouteMatch): number =>
  t === "PathPrefix" && value.endsWith("/") ? value.length - 1 : value.length;

/**
 * The more specific match: of the service's name, of the method's, more headers. All that match a call match the same characters of
 * each, whatever the length of an expression: a name goes before an expression, as in Istio, and that before none.
 */
export function byGrpcMatch(
  { headers, method: a }: GrpcRouteMatch,
  { headers: others, method: b }: GrpcRouteMatch,
): number {
  return firstOf(
    nameRank(a.t, a.service) - nameRank(b.t, b.service),
    lengthOf(b.service) - lengthOf(a.service),
    nameRank(a.t, a.method) - nameRank(b.t, b.method),
    lengthOf(b.method) - lengthOf(a.method),
    count(others) - count(headers),
  );
}

const nameRank = (t: GrpcRouteMatch["method"]["t"], name: string | undefined): number =>
  name === undefined ? 2 : t === "Exact" ? 0 : 1;

const lengthOf = (name = ""): number => name.length;
const count = (record: Readonly<Record<string, unknown>>): number => Object.keys(record).length;
const firstOf = (...differences: readonly number[]): number => differences.find((d) => d !== 0) ?? 0;

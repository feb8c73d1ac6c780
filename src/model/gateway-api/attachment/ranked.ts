/**
 * The matches of several routes in the order in which they decide.
 *
 * @module
 */
import type { AttachedRoute, ResolvedRoute, ResolvedRule } from "./attachment.ts";
import { byGrpcMatch, byHttpMatch } from "./precedence.ts";

type HttpRoute = Extract<ResolvedRoute, { readonly t: "HTTPRoute" }>;
type GrpcRoute = Extract<ResolvedRoute, { readonly t: "GRPCRoute" }>;

export interface RankedMatch<Route extends ResolvedRoute> {
  readonly route: Route;
  readonly rule: Route["rules"][number];
  readonly match: MatchOf<Route["rules"][number]>;
}

type MatchOf<Rule> = Rule extends ResolvedRule<{ readonly matches: readonly (infer Match)[] }, infer _> ? Match : never;

/** Of all HTTPRoutes among `routes`, whose order settles what is equally specific. */
export const rankedHttpMatches = (routes: readonly AttachedRoute[]): readonly RankedMatch<HttpRoute>[] =>
  routes
    .flatMap(({ route }) => (route.t === "HTTPRoute" ? [route] : []))
    .flatMap((route) => route.rules.flatMap((rule) => rule.rule.matches.map((match) => ({ route, rule, match }))))
    .sort((a, b) => byHttpMatch(a.match, b.match));

/** Of all GRPCRoutes among `routes`, likewise. */
export const rankedGrpcMatches = (routes: readonly AttachedRoute[]): readonly RankedMatch<GrpcRoute>[] =>
  routes
    .flatMap(({ route }) => (route.t === "GRPCRoute" ? [route] : []))
    .flatMap((route) => route.rules.flatMap((rule) => rule.rule.matches.map((match) => ({ route, rule, match }))))
    .sort((a, b) => byGrpcMatch(a.match, b.match));

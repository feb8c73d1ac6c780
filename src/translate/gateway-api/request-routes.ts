/**
 * The routes of one host: what all HTTPRoutes and GRPCRoutes that are attached say of it, the more specific first.
 *
 * Source: the Gateway API. The more specific host of a route decides before anything of its matches does; a request that
 * no rule matches gets 404.
 *
 * @module
 */
import type { Place } from "../../base/problem.ts";
import type { AttachedRoute } from "../../model/gateway-api/attachment/attachment.ts";
import { rankedGrpcMatches, rankedHttpMatches } from "../../model/gateway-api/attachment/ranked.ts";
import type { ObjectMeta } from "../../model/gateway-api/reference.ts";
import type { RouteMatch } from "../../xds/proto/route-match.ts";
import type { Route } from "../../xds/proto/route.ts";
import { sourceMetadata } from "../source.ts";
import type { RequestContext } from "./context.ts";
import { byHost, closest } from "./hosts.ts";
import { type RuleInput, ruleActions } from "./request-action.ts";
import { grpcRouteMatch, httpRouteMatch } from "./request-match.ts";

/** @param host As the virtual host has it, a wildcard too. */
export function requestRoutes(
  attached: readonly AttachedRoute[],
  host: string,
  context: RequestContext,
): readonly Route[] {
  const serving = attached.flatMap((it) => {
    const best = closest(it.hostnames, host);
    return best === undefined ? [] : [{ it, best }];
  });
  const hosts = [...new Set(serving.map(({ best }) => best))].sort(byHost);
  return hosts.flatMap((name) =>
    routesOf(
      serving.filter(({ best }) => best === name).map(({ it }) => it),
      context,
    ),
  );
}

/** Methods of gRPC before paths: no HTTPRoute shares its host with a GRPCRoute. */
function routesOf(attached: readonly AttachedRoute[], context: RequestContext): readonly Route[] {
  const grpc = rankedGrpcMatches(attached).flatMap(({ route, rule, match }) =>
    matched(
      { rule, kind: "GRPCRoute", matched: "/", context },
      route.document.meta,
      route.rules.indexOf(rule),
      match.at.place,
      grpcRouteMatch(match),
    ),
  );
  const http = rankedHttpMatches(attached).flatMap(({ route, rule, match }) =>
    matched(
      { rule, kind: "HTTPRoute", matched: match.path.value, context },
      route.document.meta,
      route.rules.indexOf(rule),
      match.at.place,
      httpRouteMatch(match),
    ),
  );
  return [...grpc, ...http];
}

/** The part of a path that all requests of a match have, in whole elements: cookies of other rules do not come along. */
function pathOf({ path, pathSeparatedPrefix, prefix, safeRegex }: RouteMatch): string {
  if (safeRegex === undefined) return path ?? pathSeparatedPrefix ?? prefix ?? "/";
  const { regex = "" } = safeRegex;
  const [literal = ""] = regex.includes("|") ? [] : (/^[\w/~%-]*/.exec(regex) ?? []);
  return literal.slice(0, literal.lastIndexOf("/")) || "/";
}

function matched(
  input: Omit<RuleInput, "session">,
  { origin, namespace, name }: ObjectMeta,
  index: number,
  place: Place,
  match: RouteMatch,
): readonly Route[] {
  const { rule } = input.rule;
  const session = { fallbackName: `tulle-session-${namespace}-${name}-${index}`, path: pathOf(match) };
  return ruleActions({ ...input, session }).map((action) => ({
    name: `${namespace}.${name}.${rule.name ?? index}`,
    metadata: sourceMetadata(origin, place, rule.name ?? `rules[${index}]`),
    ...action,
    match: { ...match, ...action.match },
  }));
}

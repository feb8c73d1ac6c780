/**
 * Matches of HTTPRoute and GRPCRoute as Envoy's.
 *
 * @module
 */
import { unreachable } from "../../base/unreachable.ts";
import type { GrpcRouteMatch, HttpRouteMatch } from "../../model/gateway-api/route.ts";
import type { StringMatch } from "../../model/match.ts";
import type { HeaderMatcher, QueryParameterMatcher, RouteMatch } from "../../xds/proto/route-match.ts";
import { everything } from "../route-match.ts";
import { escapeRegex, headerMatcher, stringMatcher } from "../string-matcher.ts";

type Matches = Readonly<Record<string, StringMatch>>;

export function httpRouteMatch({ path, method, headers, queryParams }: HttpRouteMatch): RouteMatch {
  const wanted = headerMatchers(headers);
  if (method !== undefined) wanted.push({ name: ":method", stringMatch: { exact: method } });
  return { ...pathMatch(path), headers: some(wanted), queryParameters: some(queryMatchers(queryParams)) };
}

/** A prefix without the slash at its end, which makes no difference: `/abc/` matches `/abc` too. */
export const prefixOf = (value: string): string => (value === "/" ? value : value.replace(/\/+$/, ""));

function pathMatch({ t, value }: HttpRouteMatch["path"]): RouteMatch {
  switch (t) {
    case "Exact":
      return { path: value };
    case "PathPrefix": {
      const prefix = prefixOf(value);
      return prefix === "/" ? everything : { pathSeparatedPrefix: prefix };
    }
    case "RegularExpression":
      return { safeRegex: { regex: value } };
    default:
      return unreachable(t);
  }
}

/** A method's path is `/service/method`. Source: gRPC over HTTP/2. */
export function grpcRouteMatch({ method, headers }: GrpcRouteMatch): RouteMatch {
  return { ...methodPath(method), headers: some(headerMatchers(headers)) };
}

function methodPath({ t, service, method }: GrpcRouteMatch["method"]): RouteMatch {
  if (service === undefined && method === undefined) return everything;
  if (t === "Exact" && method === undefined) return { prefix: `/${service}/` };
  if (t === "Exact" && service !== undefined) return { path: `/${service}/${method}` };
  const part = (value: string | undefined): string =>
    value === undefined ? "[^/]+" : t === "Exact" ? escapeRegex(value) : `(?:${value})`;
  return { safeRegex: { regex: `/${part(service)}/${part(method)}` } };
}

const headerMatchers = (headers: Matches): HeaderMatcher[] =>
  Object.entries(headers).map(([name, match]) => headerMatcher(name, match));

const queryMatchers = (params: Matches): readonly QueryParameterMatcher[] =>
  Object.entries(params).map(([name, match]) => ({ name, stringMatch: stringMatcher(match) }));

const some = <T>(list: readonly T[]): readonly T[] | undefined => (list.length === 0 ? undefined : list);

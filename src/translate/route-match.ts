/**
 * What a route matches, from one match of a rule.
 *
 * @module
 */
import { unreachable } from "../base/unreachable.ts";
import type { HttpMatch } from "../model/virtual-service.ts";
import type { HeaderMatcher, RouteMatch } from "../xds/proto/route-match.ts";
import { escapeRegex, headerMatcher } from "./string-matcher.ts";

export const everything: RouteMatch = { prefix: "/" };

/** The port is not looked at: each virtual host has one already. */
export function routeMatch(match: HttpMatch): RouteMatch {
  const headers = headerMatchers(match);
  return {
    ...pathMatch(match),
    caseSensitive: match.ignoreUriCase ? false : undefined,
    headers: headers.length === 0 ? undefined : headers,
  };
}

/** Whether no request gets past a route with this match. */
export const matchesEverything = (match: RouteMatch): boolean => match.prefix === "/" && match.headers === undefined;

function pathMatch({ uri }: HttpMatch): RouteMatch {
  switch (uri?.t) {
    case undefined:
    case "present":
      return everything;
    case "exact":
      return { path: uri.value };
    case "prefix":
      return { prefix: uri.value };
    case "suffix":
      return { safeRegex: { regex: `.*${escapeRegex(uri.value)}` } };
    case "regex":
      return { safeRegex: { regex: uri.value } };
    default:
      return unreachable(uri);
  }
}

function headerMatchers({ headers, method, authority, scheme }: HttpMatch): readonly HeaderMatcher[] {
  const named = Object.entries(headers).sort(([a], [b]) => (a < b ? -1 : 1));
  const pseudo = Object.entries({ ":method": method, ":authority": authority, ":scheme": scheme });
  return [...named, ...pseudo].flatMap(([name, match]) => (match === undefined ? [] : [headerMatcher(name, match)]));
}

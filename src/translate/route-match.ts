/**
 * What a route matches, from one match of a rule.
 *
 * @module
 */
import { unreachable } from "../base/unreachable.ts";
import type { StringMatch } from "../model/match.ts";
import type { HttpMatch } from "../model/virtual-service.ts";
import type { HeaderMatcher, QueryParameterMatcher, RouteMatch } from "../xds/proto/route-match.ts";
import { escapeRegex, headerMatcher, stringMatcher } from "./string-matcher.ts";

export const everything: RouteMatch = { prefix: "/" };

/** The port is not looked at: each virtual host has one already. */
export function routeMatch(match: HttpMatch): RouteMatch {
  const headers = headerMatchers(match);
  return {
    ...pathMatch(match),
    caseSensitive: match.ignoreUriCase ? false : undefined,
    headers: headers.length === 0 ? undefined : headers,
    queryParameters: queryMatchers(match),
  };
}

/** Whether no request gets past a route with this match. */
export const matchesEverything = (match: RouteMatch): boolean =>
  match.prefix === "/" && match.headers === undefined && match.queryParameters === undefined;

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

function headerMatchers({ headers, withoutHeaders, method, authority, scheme }: HttpMatch): readonly HeaderMatcher[] {
  const wanted = Object.entries(headers).map(([name, match]) => headerMatcher(name, match));
  const unwanted = Object.entries(withoutHeaders).map(([name, match]) => without(name, match));
  const pseudo = Object.entries({ ":method": method, ":authority": authority, ":scheme": scheme });
  return [
    ...[...wanted, ...unwanted].sort(byName),
    ...pseudo.flatMap(([name, match]) => (match === undefined ? [] : [headerMatcher(name, match)])),
  ];
}

/** A header that is missing passes, unless the empty value is what is unwanted. As Istio. */
const without = (name: string, match: StringMatch): HeaderMatcher => ({
  ...headerMatcher(name, match),
  invertMatch: true,
  treatMissingHeaderAsEmpty: match.t === "present" ? undefined : true,
});

function queryMatchers({ queryParams }: HttpMatch): RouteMatch["queryParameters"] {
  const matchers = Object.entries(queryParams).map(
    ([name, match]): QueryParameterMatcher =>
      match.t === "present" ? { name, presentMatch: true } : { name, stringMatch: stringMatcher(match) },
  );
  return matchers.length === 0 ? undefined : matchers.sort(byName);
}

interface Named {
  readonly name?: string | undefined;
}

const byName = (a: Named, b: Named): number => ((a.name ?? "") < (b.name ?? "") ? -1 : 1);

/**
 * Requests that show what a route does: one that it takes, and ones that miss it by one condition each.
 *
 * @module
 */
import type { HeaderMatcher, QueryParameterMatcher, RouteMatch } from "../../xds/proto/route-match.ts";
import { headerFor, OTHER, textFor, textOfRegex } from "./samples.ts";

export interface SampleRequest {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  /** Names in lower case. */
  readonly headers: readonly (readonly [name: string, value: string])[];
}

interface Parts {
  readonly method: string;
  readonly path: string;
  readonly headers: ReadonlyMap<string, string>;
  readonly query: ReadonlyMap<string, string>;
}

/** The one that it takes is the first. Empty where no value is found for an expression. */
export function requestsFor(match: RouteMatch): readonly SampleRequest[] {
  const taken = takenBy(match);
  return taken === undefined ? [] : [taken, ...missesOf(match, taken)].map(written);
}

function takenBy(match: RouteMatch): Parts | undefined {
  const path = pathFor(match);
  if (path === undefined) return undefined;
  const headers = new Map<string, string>();
  let method = "GET";
  for (const matcher of match.headers ?? []) {
    const name = (matcher.name ?? "").toLowerCase();
    const value = headerFor(matcher);
    if (isUnwanted(matcher)) continue;
    if (value === undefined) return undefined;
    if (name === ":method") method = value;
    else if (!name.startsWith(":")) headers.set(name, value);
  }
  if (match.grpc !== undefined) headers.set("content-type", "application/grpc");
  const query = new Map<string, string>();
  for (const parameter of match.queryParameters ?? []) {
    const value = queryFor(parameter);
    if (value === undefined) return undefined;
    query.set(parameter.name ?? "", value);
  }
  return { method, path, headers, query };
}

/** Inverted, or asked to be absent. */
const isUnwanted = ({ invertMatch = false, presentMatch = true }: HeaderMatcher): boolean =>
  invertMatch !== !presentMatch;

const queryFor = ({ stringMatch }: QueryParameterMatcher): string | undefined =>
  stringMatch === undefined ? "x" : textFor(stringMatch);

function pathFor({ path, prefix, pathSeparatedPrefix, safeRegex }: RouteMatch): string | undefined {
  const found = safeRegex === undefined ? (path ?? prefix ?? pathSeparatedPrefix) : textOfRegex(safeRegex);
  // An expression may begin with anything, a path only with a slash.
  return found === undefined || found.startsWith("/") ? found : `/${found}`;
}

function missesOf(match: RouteMatch, taken: Parts): readonly Parts[] {
  return [
    ...pathsBeside(match).map((path) => ({ ...taken, path })),
    ...[...taken.headers].flatMap(([name]) => [
      { ...taken, headers: without(taken.headers, name) },
      { ...taken, headers: new Map(taken.headers).set(name, OTHER) },
    ]),
    ...(match.headers ?? []).filter(isUnwanted).flatMap((matcher) => {
      const value = headerFor(matcher);
      const name = (matcher.name ?? "").toLowerCase();
      if (value === undefined || name.startsWith(":")) return [];
      return [{ ...taken, headers: new Map(taken.headers).set(name, value) }];
    }),
    ...[...taken.query].flatMap(([name]) => [
      { ...taken, query: without(taken.query, name) },
      { ...taken, query: new Map(taken.query).set(name, OTHER) },
    ]),
    { ...taken, method: taken.method === "POST" ? "GET" : "POST" },
  ];
}

/** Under it, beside it, and somewhere else. */
function pathsBeside({ path, prefix, pathSeparatedPrefix }: RouteMatch): readonly string[] {
  const base = path ?? prefix ?? pathSeparatedPrefix;
  if (base === undefined || base === "/") return ["/", `/${OTHER}`];
  return [base.endsWith("/") ? `${base}${OTHER}` : `${base}/${OTHER}`, `${base}${OTHER}`, "/", `/${OTHER}`];
}

function without(map: ReadonlyMap<string, string>, name: string): ReadonlyMap<string, string> {
  return new Map([...map].filter(([key]) => key !== name));
}

function written({ method, path, headers, query }: Parts): SampleRequest {
  const search = [...query].map(([name, value]) => (value === "" ? name : `${name}=${value}`)).join("&");
  return { method, path: search === "" ? path : `${path}?${search}`, headers: [...headers] };
}

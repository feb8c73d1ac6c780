/**
 * Generates rules of HTTPRoutes and GRPCRoutes, of which each outcome is certain: one backend has all the weight.
 *
 * @module
 */
import { type Chance, compact } from "./chance.ts";
import type { MatchSpec, Text } from "./spec.ts";
import { HEADERS, METHODS, ORIGINS, PATHS, QUERIES, REGEXES, VALUES } from "./vocabulary.ts";

interface Value {
  readonly type: string;
  readonly value: string;
}

interface Named extends Value {
  readonly name: string;
}

export interface ApiMatch {
  readonly path?: Value;
  readonly headers?: readonly Named[];
  readonly queryParams?: readonly Named[];
  /** Of a GRPCRoute: a service's. */
  readonly method?: string | { readonly type: string; readonly service?: string; readonly method?: string };
}

export interface ApiRule {
  readonly matches?: readonly ApiMatch[];
  readonly [more: string]: unknown;
}

const PATH_REGEXES = Object.keys(REGEXES).filter((it) => it.startsWith("/"));
const VALUE_REGEXES = ["o.*", "one|two", "[a-z]+"];
const NOT_EMPTY = VALUES.filter((it) => it !== "");
/** What an API server writes where a rule says nothing. */
const EVERYTHING = { path: { type: "PathPrefix", value: "/" } } as const;
const SERVICES = ["a", "api"];
const CALLS = ["b", "v1"];

export function httpRule(chance: Chance, index: number): ApiRule {
  const matches = chance.often(0.15)
    ? [EVERYTHING]
    : chance.list(1, chance.often(0.3) ? 3 : 1, () => httpMatch(chance));
  const onlyPrefix = matches.length === 1 && matches[0]?.path?.type === "PathPrefix";
  const redirects = chance.often(0.1);
  return compact<ApiRule>({
    ...(chance.often(0.2) ? { name: `rule-${index}` } : {}),
    matches,
    filters: filtersOf(chance, redirects, onlyPrefix),
    backendRefs: redirects ? undefined : backends(chance),
    timeouts: chance.maybe(0.08, () =>
      chance.one([{ request: "200ms" }, { request: "5s", backendRequest: "150ms" }, { request: "0s" }]),
    ),
    retry: redirects
      ? undefined
      : chance.maybe(0.06, () => ({ codes: [503, 500], attempts: chance.int(1, 2), backoff: "25ms" })),
  });
}

export const grpcRule = (chance: Chance): ApiRule =>
  compact<ApiRule>({
    ...(chance.often(0.15) ? {} : { matches: chance.list(1, 2, () => grpcMatch(chance)) }),
    filters: chance.maybe(0.2, () => [modifier(chance, true)]),
    backendRefs: backends(chance),
  });

function httpMatch(chance: Chance): ApiMatch {
  return compact<ApiMatch>({
    path: chance.often(0.8) ? pathMatch(chance) : EVERYTHING.path,
    ...(chance.often(0.3) ? { headers: chance.some(HEADERS, 1, 2).map((name) => named(chance, name)) } : {}),
    ...(chance.often(0.15) ? { queryParams: chance.some(QUERIES, 1, 2).map((name) => named(chance, name)) } : {}),
    ...(chance.often(0.12) ? { method: chance.one(METHODS) } : {}),
  });
}

function pathMatch(chance: Chance): Value {
  const type = chance.one(["Exact", "PathPrefix", "PathPrefix", "RegularExpression"]);
  return { type, value: chance.one(type === "RegularExpression" ? PATH_REGEXES : PATHS) };
}

const named = (chance: Chance, name: string): Named =>
  chance.often(0.7)
    ? { name, type: "Exact", value: chance.one(NOT_EMPTY) }
    : { name, type: "RegularExpression", value: chance.one(VALUE_REGEXES) };

const grpcMatch = (chance: Chance): ApiMatch =>
  compact<ApiMatch>({
    method: chance.one([
      { type: "Exact", service: chance.one(SERVICES), method: chance.one(CALLS) },
      { type: "Exact", service: chance.one(SERVICES) },
      { type: "Exact", method: chance.one(CALLS) },
      { type: "RegularExpression", service: "a.*", method: "[a-z]+" },
    ]),
    ...(chance.often(0.2) ? { headers: [named(chance, chance.one(HEADERS))] } : {}),
  });

/** As matches of VirtualServices, at which requests are aimed. */
export const matchSpecOf = ({ headers = [], method, path, queryParams = [] }: ApiMatch): MatchSpec => ({
  ...(path === undefined ? {} : { uri: textOf(path) }),
  ...(headers.length === 0 ? {} : { headers: Object.fromEntries(headers.map((it) => [it.name, textOf(it)])) }),
  ...(queryParams.length === 0
    ? {}
    : { queryParams: Object.fromEntries(queryParams.map((it) => [it.name, textOf(it)])) }),
  ...(typeof method === "string" ? { method: { exact: method } } : {}),
  ...(typeof method === "object" ? { uri: { exact: `/${method.service ?? "a"}/${method.method ?? "b"}` } } : {}),
});

function textOf({ type, value }: Value): Text {
  if (type === "RegularExpression") return { regex: value };
  return type === "PathPrefix" ? { prefix: value } : { exact: value };
}

/** Their filters edit headers: an istiod leaves out a rule with others there. */
function backends(chance: Chance): object[] | undefined {
  if (chance.often(0.03)) return undefined;
  const count = chance.often(0.75) ? 1 : 2;
  const all = chance.int(0, count - 1);
  return Array.from({ length: count }, (_, i) => ({
    ...backend(chance),
    weight: i === all ? chance.one([1, 10]) : 0,
    ...(chance.often(0.1) ? { filters: [chance.often(0.7) ? modifier(chance, true) : modifier(chance, false)] } : {}),
  }));
}

function backend(chance: Chance): object {
  const other = chance.often(0.25)
    ? chance.one<object>([
        { name: "nobody", port: 80 },
        { name: "far", namespace: "other", port: 80 },
        { name: "far", namespace: "other", port: 80 },
        { name: "v1", port: 9999 },
        { name: "empty", namespace: "default", port: 80 },
        { name: "HOST", namespace: "default", port: 8080 },
        { group: "example.com", kind: "Thing", name: "thing", port: 80 },
      ])
    : undefined;
  return other ?? { name: chance.one(["v1", "v2", "v3"]), namespace: "default", port: 80 };
}

function filtersOf(chance: Chance, redirects: boolean, onlyPrefix: boolean): object[] | undefined {
  const all = [
    ...(redirects ? [redirect(chance, onlyPrefix)] : []),
    ...(chance.often(0.15) ? [modifier(chance, true)] : []),
    ...(chance.often(0.15) ? [modifier(chance, false)] : []),
    ...(!redirects && chance.often(0.15) ? [rewrite(chance, onlyPrefix)] : []),
    ...(!redirects && chance.often(0.06) ? [mirror(chance)] : []),
    ...(chance.often(0.06) ? [cors(chance)] : []),
  ];
  return all.length === 0 ? undefined : all;
}

function modifier(chance: Chance, isRequest: boolean): object {
  const names = isRequest ? [...HEADERS, "x-new", "user-agent"] : ["x-internal", "x-new", "content-type"];
  const pairs = (): object[] =>
    chance.some(names, 1, 2).map((name) => ({ name, value: chance.one(["set", "a b", "set"]) }));
  const edits = compact({
    set: chance.maybe(0.5, pairs),
    add: chance.maybe(0.5, pairs),
    remove: chance.maybe(0.4, () => chance.some(names, 1, 2)),
  });
  return isRequest
    ? { type: "RequestHeaderModifier", requestHeaderModifier: edits }
    : { type: "ResponseHeaderModifier", responseHeaderModifier: edits };
}

const pathModifier = (chance: Chance, onlyPrefix: boolean): object =>
  onlyPrefix && chance.often(0.6)
    ? { type: "ReplacePrefixMatch", replacePrefixMatch: chance.one(["/", "/new", "/new/"]) }
    : { type: "ReplaceFullPath", replaceFullPath: chance.one(["/", "/full"]) };

const redirect = (chance: Chance, onlyPrefix: boolean): object => ({
  type: "RequestRedirect",
  requestRedirect: compact({
    scheme: chance.maybe(0.4, () => chance.one(["http", "https"])),
    hostname: chance.maybe(0.5, () => "other.example"),
    path: chance.maybe(0.5, () => pathModifier(chance, onlyPrefix)),
    port: chance.maybe(0.3, () => chance.one([80, 443, 8443])),
    statusCode: chance.one([301, 302, 302, 307]),
  }),
});

const rewrite = (chance: Chance, onlyPrefix: boolean): object => ({
  type: "URLRewrite",
  urlRewrite: compact({
    hostname: chance.maybe(0.4, () => "other.example"),
    path: chance.maybe(0.8, () => pathModifier(chance, onlyPrefix)),
  }),
});

const mirror = (chance: Chance): object => ({
  type: "RequestMirror",
  requestMirror: compact({
    backendRef: { name: chance.one(["v1", "v2", "v3"]), namespace: "default", port: 80 },
    percent: chance.maybe(0.5, () => chance.one([0, 100])),
  }),
});

const cors = (chance: Chance): object => ({
  type: "CORS",
  cors: compact({
    allowOrigins: chance.one([[ORIGINS[0]], ["https://*.a.example"], ["*"]]),
    allowMethods: chance.maybe(0.6, () => chance.one([["GET", "PUT"], ["*"]])),
    allowHeaders: chance.maybe(0.5, () => ["x-user", "x-group"]),
    exposeHeaders: chance.maybe(0.3, () => ["x-internal"]),
    maxAge: chance.one([5, 90]),
    allowCredentials: chance.maybe(0.5, () => chance.often(0.5)),
  }),
});

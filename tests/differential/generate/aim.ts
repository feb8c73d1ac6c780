/**
 * Requests that are aimed at rules: one that meets a match, then often one thing is changed about it.
 *
 * @module
 */
import type { Ask } from "../comparison.ts";
import type { CallerName } from "../rig/world.ts";
import type { Chance } from "./chance.ts";
import type { MatchSpec, Text, VirtualServiceSpec } from "./spec.ts";
import { HEADERS, METHODS, ORIGINS, PATHS, QUERIES, REGEXES, VALUES } from "./vocabulary.ts";

interface Draft {
  port: 0 | 1;
  method: string;
  path: string;
  query: string[];
  headers: [string, string][];
  host: string | undefined;
  caller: CallerName;
}

export function asksFor(chance: Chance, spec: VirtualServiceSpec, count: number): Ask[] {
  const rules = spec.http ?? [];
  const matches = rules.flatMap((rule) => rule.match ?? []);
  const waits = rules.some(
    ({ timeout, retries }) => timeout === "0.2s" || JSON.stringify(retries ?? "").includes("perTry"),
  );
  const cors = rules.some(({ corsPolicy }) => corsPolicy !== undefined);
  const retries = rules.some((rule) => rule.retries !== undefined);
  return Array.from({ length: count }, () => {
    const draft = matches.length > 0 && chance.often(0.85) ? meet(chance, chance.one(matches)) : blank(chance);
    if (chance.often(0.45)) change(chance, draft);
    if (cors && chance.often(0.5)) withOrigin(chance, draft);
    if (chance.often(retries ? 0.6 : 0.06)) draft.headers.push(["x-answers", chance.one(ANSWERS)]);
    if (waits && chance.often(0.3)) draft.headers.push(["x-wait", "500"]);
    if (chance.often(0.04)) asGrpc(chance, draft);
    if (chance.often(0.2)) asGuest(chance, draft);
    return finish(chance, draft);
  });
}

const ANSWERS = ["503,200", "500,500,200", "503", "418,200", "409,200", "502,504,503,200", "404"];

const blank = (chance: Chance): Draft => ({
  port: chance.often(0.05) ? 1 : 0,
  method: chance.often(0.1) ? chance.one(METHODS) : "GET",
  path: chance.one(PATHS),
  query: [],
  headers: chance.often(0.3) ? [[chance.one(HEADERS), chance.one(VALUES)]] : [],
  host: chance.often(0.04) ? chance.one(["HOST.default", "HOST.default.svc.cluster.local"]) : undefined,
  caller: "client",
});

/** A request that the match takes, as far as a request can. */
function meet(chance: Chance, match: MatchSpec): Draft {
  const draft = blank(chance);
  draft.path = match.uri === undefined ? draft.path : wordFor(chance, match.uri);
  if (match.ignoreUriCase === true && chance.often(0.5)) draft.path = draft.path.toUpperCase();
  if (match.method !== undefined) draft.method = match.method.exact ?? chance.one(["GET", "POST"]);
  if (match.port === 8080) draft.port = 1;
  if (match.port === 80) draft.port = 0;
  if (match.authority?.prefix?.includes("default") === true) draft.host = "HOST.default";
  const wanted = Object.entries(match.headers ?? {});
  draft.headers = [
    ...draft.headers.filter(([name]) => !wanted.some(([other]) => other === name)),
    ...wanted.map(([name, text]): [string, string] => [name, wordFor(chance, text)]),
  ];
  for (const name of Object.keys(match.withoutHeaders ?? {}))
    draft.headers = draft.headers.filter(([other]) => other !== name);
  if (match.scheme?.exact === "https") draft.headers.push(["x-forwarded-proto", "https"]);
  for (const [name, text] of Object.entries(match.queryParams ?? {}))
    draft.query.push(Object.keys(text).length === 0 ? name : `${name}=${wordFor(chance, text)}`);
  return draft;
}

function wordFor(chance: Chance, { exact, prefix, regex }: Text): string {
  if (exact !== undefined) return exact;
  if (prefix !== undefined) return prefix + chance.one(["", "", "/", "x", "/x", "b/../c"]);
  if (regex !== undefined) return chance.one(REGEXES[regex]?.hits ?? [regex.replace(/[^a-z0-9/-]/gi, "")]);
  return chance.one(VALUES);
}

const CHANGES: readonly ((chance: Chance, draft: Draft) => void)[] = [
  (chance, draft) => void (draft.path += chance.one(["/", "x", "/x", "%20", "//"])),
  (chance, draft) => void (draft.path = draft.path.length > 1 ? draft.path.slice(0, -1) : chance.one(PATHS)),
  (_, draft) => void (draft.path = draft.path.toUpperCase()),
  (chance, draft) =>
    void (draft.path = chance.one(
      Object.values(REGEXES)
        .flatMap(({ misses }) => misses)
        .filter((it) => it.startsWith("/")),
    )),
  (_, draft) => void draft.headers.pop(),
  (chance, draft) => void draft.headers.push([chance.one(HEADERS), chance.one(VALUES)]),
  (chance, draft) => void (draft.headers = draft.headers.map(([name]) => [name, chance.one(VALUES)])),
  (_, draft) => void (draft.headers = draft.headers.map(([name, value]) => [name.toUpperCase(), value])),
  (chance, draft) => void draft.query.push(`${chance.one(QUERIES)}=${chance.one(VALUES)}`),
  (_, draft) => void draft.query.pop(),
  (chance, draft) => void (draft.method = chance.one(METHODS)),
  (_, draft) => void (draft.port = draft.port === 0 ? 1 : 0),
];

const change = (chance: Chance, draft: Draft): void => chance.one(CHANGES)(chance, draft);

function withOrigin(chance: Chance, draft: Draft): void {
  draft.headers.push(["origin", chance.one(ORIGINS)]);
  if (chance.often(0.5)) return;
  draft.method = "OPTIONS";
  draft.headers.push(["access-control-request-method", chance.one(["GET", "PUT", "DELETE"])]);
  if (chance.often(0.5)) draft.headers.push(["access-control-request-headers", "x-user"]);
}

function asGrpc(chance: Chance, draft: Draft): void {
  draft.method = "POST";
  draft.headers.push(["content-type", "application/grpc"]);
  if (chance.often(0.4)) draft.headers.push(["x-grpc-status", chance.one(["1", "14"])]);
}

/** Of another namespace, where the host's first name alone says nothing. */
function asGuest(chance: Chance, draft: Draft): void {
  draft.caller = "guest";
  const isShort = draft.host === undefined && chance.often(0.03);
  if (!isShort) draft.host ??= chance.one(["HOST.default", "HOST.default.svc", "HOST.default.svc.cluster.local"]);
}

function finish(chance: Chance, { caller, headers, host, method, path, port, query }: Draft): Ask {
  const joined = query.length === 0 ? path : `${path}${path.includes("?") ? "&" : "?"}${query.join("&")}`;
  const whole = joined.startsWith("/") ? joined : `/${joined}`;
  const body = (method === "POST" || method === "PUT") && chance.often(0.7) ? "what is sent" : "";
  return {
    ...(caller === "client" ? {} : { caller }),
    port,
    method,
    path: whole.replaceAll(" ", "%20"),
    headers,
    body,
    ...(host === undefined ? {} : { host }),
  };
}

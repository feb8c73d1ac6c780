/**
 * HTTPRoute.
 *
 * @module
 */
import type { HttpRoute, HttpRouteRule, RouteBackend, RouteRetry } from "../../model/gateway-api/route.ts";
import { type DocumentBody, specFields } from "../document.ts";
import type { Fields, Node, Read } from "../node.ts";
import { integer } from "../read-values.ts";
import { gatewayDuration } from "./durations.ts";
import { filters, HTTP_FILTERS, noFilters } from "./filters.ts";
import { EVERY_PATH, httpRouteMatch } from "./http-match.ts";
import { listOf } from "./lists.ts";
import { sectionName } from "./names.ts";
import { BACKEND_FIELDS, backendFields, fieldPlace, objectMeta } from "./references.ts";
import { checkSession, hostnames, parents, rules, weight } from "./route.ts";
import { sessionPersistence } from "./session-persistence.ts";

const MAX_MATCHES = 128;

export function readHttpRoute(body: DocumentBody): HttpRoute {
  const { namespace } = body.metadata;
  const spec = specFields(body, ["parentRefs", "hostnames", "rules"], ["useDefaultGateways"]);
  const read = spec.optional("rules", rules(rule(namespace), 16)) ?? [everything(body.node)];
  const matches = read.reduce((sum, r) => sum + r.matches.length, 0);
  if (matches > MAX_MATCHES) spec.at("rules")?.fail(`rules may have ${MAX_MATCHES} matches together, found ${matches}`);
  return {
    t: "HTTPRoute",
    meta: objectMeta(body),
    parents: spec.optional("parentRefs", parents(namespace)) ?? [],
    hostnames: spec.optional("hostnames", hostnames) ?? [],
    rules: read,
  };
}

/** What the API server writes where a route has no rules. */
const everything = (node: Node): HttpRouteRule => ({
  at: fieldPlace(node),
  name: undefined,
  matches: [{ at: fieldPlace(node), path: EVERY_PATH, headers: {}, queryParams: {}, method: undefined }],
  filters: noFilters,
  backends: [],
  sessionPersistence: undefined,
  timeouts: { requestMs: undefined, backendRequestMs: undefined },
  retry: undefined,
});

const FIELDS = ["name", "matches", "filters", "backendRefs", "timeouts", "retry", "sessionPersistence"] as const;

const rule =
  (namespace: string): Read<HttpRouteRule> =>
  (node) => {
    const fields = node.fields({ known: FIELDS });
    const matches = fields.optional("matches", listOf(httpRouteMatch, { max: 64 })) ?? [];
    const backends = fields.optional("backendRefs", listOf(httpBackend(namespace, HTTP_FILTERS), { max: 16 })) ?? [];
    const read: HttpRouteRule = {
      ...everything(node),
      name: fields.optional("name", sectionName),
      ...(matches.length > 0 && { matches }),
      filters: fields.optional("filters", filters(namespace, HTTP_FILTERS)) ?? noFilters,
      backends,
      sessionPersistence: fields.optional("sessionPersistence", sessionPersistence),
      timeouts: fields.optional("timeouts", timeouts) ?? { requestMs: undefined, backendRequestMs: undefined },
      retry: fields.optional("retry", retry),
    };
    if (read.filters.redirect !== undefined && backends.length > 0)
      fields.at("backendRefs")?.failAtKey("cannot stand beside a RequestRedirect, which calls nobody");
    checkPrefix(read, fields);
    checkSession(read, fields.at("sessionPersistence"));
    return read;
  };

/** A part of the path can only be replaced where it is known which part matched. */
function checkPrefix(read: HttpRouteRule, fields: Fields<(typeof FIELDS)[number]>): void {
  const [only, ...others] = read.matches;
  if (others.length === 0 && only?.path.t === "PathPrefix") return;
  const all = [read.filters, ...read.backends.map((b) => b.filters)];
  const replaces = all.some((f) => [f.redirect, f.rewrite].some((m) => m?.path?.t === "ReplacePrefixMatch"));
  if (replaces)
    (fields.at("matches") ?? fields.node).fail("ReplacePrefixMatch needs exactly one match, of type PathPrefix");
}

/** @param types Of filters that the kind of route has. */
export const httpBackend =
  (namespace: string, types: Parameters<typeof filters>[1]): Read<RouteBackend> =>
  (node) => {
    const fields = node.fields({ known: [...BACKEND_FIELDS, "weight", "filters"] });
    return {
      ref: backendFields(fields, namespace),
      weight: fields.optional("weight", weight) ?? 1,
      filters: fields.optional("filters", filters(namespace, types)) ?? noFilters,
    };
  };

function timeouts(node: Node): HttpRouteRule["timeouts"] {
  const fields = node.fields({ known: ["request", "backendRequest"] });
  const requestMs = fields.optional("request", gatewayDuration);
  const backendRequestMs = fields.optional("backendRequest", gatewayDuration);
  if (requestMs !== undefined && requestMs > 0 && (backendRequestMs ?? 0) > requestMs)
    fields.at("backendRequest")?.fail("may not be longer than request, which it is a part of");
  return { requestMs, backendRequestMs };
}

function retry(node: Node): RouteRetry {
  const fields = node.fields({ known: ["codes", "attempts", "backoff"] });
  return {
    codes: fields.optional("codes", listOf(integer(400, 599), { max: 200 })) ?? [],
    attempts: fields.optional("attempts", integer(0, 1_000)),
    backoffMs: fields.optional("backoff", gatewayDuration),
  };
}

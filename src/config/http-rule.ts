/**
 * One `http` rule of a VirtualService.
 *
 * @module
 */
import type { MeshSettings } from "../model/mesh.ts";
import { type HttpRule, noHeaderEdits, type RouteAction } from "../model/virtual-service.ts";
import { corsPolicy } from "./cors-policy.ts";
import { directResponse } from "./direct-response.ts";
import { fault } from "./fault.ts";
import { headerEdits, setsAuthority } from "./header-edits.ts";
import { httpMatch } from "./http-match.ts";
import { MIRROR_FIELDS, mirrors } from "./mirrors.ts";
import type { Fields, Node, Read } from "./node.ts";
import { duration, text } from "./read-values.ts";
import { redirect } from "./redirect.ts";
import { retries } from "./retries.ts";
import { rewrite } from "./rewrite.ts";
import { routeDestinations } from "./route-destinations.ts";

const KNOWN = [
  "name",
  "match",
  "route",
  "redirect",
  "directResponse",
  "rewrite",
  "timeout",
  "retries",
  "fault",
  "headers",
  "corsPolicy",
  ...MIRROR_FIELDS,
] as const;
const UNSUPPORTED = ["delegate"];

type RuleFields = Fields<(typeof KNOWN)[number]>;

export function httpRule(namespace: string, settings: MeshSettings): Read<HttpRule> {
  return (node) => {
    const fields = node.fields({ known: KNOWN, unsupported: UNSUPPORTED });
    const headers = fields.optional("headers", headerEdits) ?? noHeaderEdits;
    const route = routeAction(fields, namespace, settings);
    const own = fields.optional("redirect", redirect) ?? fields.optional("directResponse", directResponse);
    checkAction(fields);
    if (route.rewrite?.authority !== undefined && setsAuthority(headers)) {
      node.fail("the authority is set twice: by rewrite.authority and by headers.request");
    }
    return {
      place: node.place,
      name: fields.optional("name", text),
      matches: fields.list("match", httpMatch(namespace)),
      action: own ?? route,
      headers,
      fault: fields.optional("fault", fault),
      cors: fields.optional("corsPolicy", corsPolicy),
    };
  };
}

function routeAction(fields: RuleFields, namespace: string, settings: MeshSettings): RouteAction {
  return {
    t: "route",
    destinations: fields.optional("route", routeDestinations(namespace, settings)) ?? [],
    rewrite: fields.optional("rewrite", rewrite),
    timeoutMs: fields.optional("timeout", duration),
    retries: fields.optional("retries", retries),
    mirrors: mirrors(fields, namespace, settings),
  };
}

/** A rule does one thing. Istio refuses the same pairs; for timeout and retries it only keeps quiet. */
function checkAction(fields: RuleFields): void {
  const own = (["redirect", "directResponse"] as const).filter((name) => fields.has(name));
  const [first, second] = own;
  if (first === undefined) {
    if (!fields.has("route") && !writes(fields.node, "delegate") && fields.node.tree.t === "map")
      fields.node.fail("must have a route, a redirect or a directResponse");
    return;
  }
  if (second !== undefined) fields.at(second)?.failAtKey(`cannot stand beside ${first}`);
  for (const name of ["route", "fault", "rewrite"] as const) fields.at(name)?.failAtKey(`cannot stand beside ${first}`);
  for (const name of ["timeout", "retries", "mirror", "mirrors", "corsPolicy"] as const)
    fields.at(name)?.warn(`has no effect beside ${first}`);
}

const writes = (node: Node, name: string): boolean => node.tree.t === "map" && node.tree.entries.has(name);

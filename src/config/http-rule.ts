/**
 * One `http` rule of a VirtualService.
 *
 * @module
 */
import type { MeshSettings } from "../model/mesh.ts";
import { noHeaderEdits, type RuleSettings } from "../model/virtual-service.ts";
import { corsPolicy } from "./cors-policy.ts";
import type { DelegateAction, WrittenRule } from "./delegates.ts";
import { directResponse } from "./direct-response.ts";
import { fault } from "./fault.ts";
import { headerEdits, setsAuthority } from "./header-edits.ts";
import { httpMatch } from "./http-match.ts";
import { MIRROR_FIELDS, mirrors } from "./mirrors.ts";
import { dnsLabel, objectName } from "./names.ts";
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
  "delegate",
  ...MIRROR_FIELDS,
] as const;

type RuleFields = Fields<(typeof KNOWN)[number]>;

export function httpRule(namespace: string, settings: MeshSettings): Read<WrittenRule> {
  return (node) => {
    const fields = node.fields({ known: KNOWN });
    const headers = fields.optional("headers", headerEdits) ?? noHeaderEdits;
    const common = ruleSettings(fields, namespace, settings);
    const destinations = fields.optional("route", routeDestinations(namespace, settings)) ?? [];
    const delegate = fields.optional("delegate", (at) => ({ ...delegateName(at, namespace), ...common }));
    const own = fields.optional("redirect", redirect) ?? fields.optional("directResponse", directResponse);
    checkAction(fields);
    if (common.rewrite?.authority !== undefined && setsAuthority(headers)) {
      node.fail("the authority is set twice: by rewrite.authority and by headers.request");
    }
    const rule = {
      place: node.place,
      field: node.path.replace(/^spec\./, ""),
      delegate: undefined,
      name: fields.optional("name", text),
      matches: fields.list("match", httpMatch(namespace)),
      headers,
      fault: fields.optional("fault", fault),
      cors: fields.optional("corsPolicy", corsPolicy),
    };
    if (delegate !== undefined) return { ...rule, action: delegate };
    return { ...rule, action: own ?? { t: "route", destinations, ...common } };
  };
}

function delegateName(node: Node, own: string): Pick<DelegateAction, "t" | "name" | "namespace"> {
  const fields = node.fields({ known: ["name", "namespace"] });
  const name = fields.required("name", objectName, "nameless");
  return { t: "delegate", name, namespace: fields.optional("namespace", dnsLabel) ?? own };
}

function ruleSettings(fields: RuleFields, namespace: string, settings: MeshSettings): RuleSettings {
  return {
    rewrite: fields.optional("rewrite", rewrite),
    timeoutMs: fields.optional("timeout", duration),
    retries: fields.optional("retries", retries),
    mirrors: mirrors(fields, namespace, settings),
  };
}

/** A rule does one thing. Istio refuses the same pairs; for timeout and retries it only keeps quiet. */
function checkAction(fields: RuleFields): void {
  if (fields.has("delegate")) {
    for (const name of ["route", "redirect", "directResponse"] as const)
      fields.at(name)?.failAtKey("cannot stand beside delegate");
    return;
  }
  const own = (["redirect", "directResponse"] as const).filter((name) => fields.has(name));
  const [first, second] = own;
  if (first === undefined) {
    if (!fields.has("route") && fields.node.tree.t === "map")
      fields.node.fail("must have a route, a redirect, a directResponse or a delegate");
    return;
  }
  if (second !== undefined) fields.at(second)?.failAtKey(`cannot stand beside ${first}`);
  for (const name of ["route", "fault", "rewrite"] as const) fields.at(name)?.failAtKey(`cannot stand beside ${first}`);
  for (const name of ["timeout", "retries", "mirror", "mirrors", "corsPolicy"] as const)
    fields.at(name)?.warn(`has no effect beside ${first}`);
}

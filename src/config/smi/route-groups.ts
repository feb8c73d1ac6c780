/**
 * SMI's traffic specs: HTTPRouteGroup and TCPRoute, v1alpha1 to v1alpha4. They do nothing by themselves; others refer to them.
 *
 * @module
 */
import type { Place } from "../../base/problem.ts";
import type { StringMatch } from "../../model/match.ts";
import type { Origin } from "../../model/origin.ts";
import type { DocumentBody } from "../document.ts";
import { isHeaderName } from "../names.ts";
import type { Node } from "../node.ts";
import { port, textThat, text } from "../read-values.ts";
import { regex } from "../regex.ts";
import { quote } from "../tree.ts";

export interface HttpRouteGroup {
  readonly origin: Origin;
  /** Any of them may match. */
  readonly matches: readonly GroupMatch[];
}

/** All that is given must match. */
export interface GroupMatch {
  readonly place: Place;
  readonly name: string;
  /** Of the path without its query. Undefined: every path. */
  readonly path: StringMatch | undefined;
  /** Empty: all. */
  readonly methods: readonly string[];
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, StringMatch>>;
}

export interface SmiTcpRoute {
  readonly origin: Origin;
  /** Empty: all. */
  readonly ports: readonly number[];
}

/** Until v1alpha2 what is in `spec` today stood in the document itself. */
export const HTTP_ROUTE_GROUP_FIELDS = ["apiVersion", "kind", "metadata", "spec", "status", "matches"] as const;

export function readHttpRouteGroup({ origin, node, spec }: DocumentBody): HttpRouteGroup {
  const fields =
    spec === undefined ? node.fields({ known: HTTP_ROUTE_GROUP_FIELDS }) : spec.fields({ known: ["matches"] });
  return { origin, matches: fields.required("matches", (n) => readMatches(n), []) };
}

function readMatches(node: Node): readonly GroupMatch[] {
  const items = node.items();
  if (node.tree.t === "list" && items.length === 0) node.fail("must have at least one match");
  const seen = new Set<string>();
  return items.map((item) => {
    const match = readMatch(item);
    if (seen.has(match.name)) item.fail(`the match ${quote(match.name)} stands twice`);
    seen.add(match.name);
    return match;
  });
}

const method = textThat((v) => v === "*" || /^[A-Z]{1,32}$/.test(v), "a method such as GET, or * for all");

function readMatch(node: Node): GroupMatch {
  const fields = node.fields({ known: ["name", "pathRegex", "methods", "headers"] });
  fields.oneOrMoreOf(["pathRegex", "methods", "headers"]);
  const path = fields.optional("pathRegex", regex);
  const methods = fields.list("methods", method);
  return {
    place: node.place,
    name: fields.required("name", text, ""),
    // It is only bound to the beginning.
    path: path === undefined ? undefined : { t: "regex", value: `(?:${path}).*` },
    methods: methods.includes("*") ? [] : methods,
    headers: fields.optional("headers", headers) ?? {},
  };
}

/** A mapping, or a list of mappings as v1alpha3 has it. */
function headers(node: Node): Readonly<Record<string, StringMatch>> {
  const all = node.tree.t === "list" ? node.items().flatMap((item) => item.entries()) : node.entries();
  const read = new Map<string, StringMatch>();
  for (const [key, at] of all) {
    const name = key.toLowerCase();
    if (!isHeaderName(key)) at.failAtKey(`${quote(key)} is not a header name`);
    if (read.has(name)) at.failAtKey(`the header ${quote(name)} is matched twice: header names have no case`);
    read.set(name, { t: "regex", value: regex(at) });
  }
  return Object.fromEntries(read);
}

export function readSmiTcpRoute({ origin, spec }: DocumentBody): SmiTcpRoute {
  const matches = spec?.fields({ known: ["matches"] }).at("matches");
  const ports = matches?.fields({ known: ["name", "ports"] }).list("ports", port);
  return { origin, ports: ports ?? [] };
}

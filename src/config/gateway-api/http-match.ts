/**
 * Matches of an HTTPRoute.
 *
 * @module
 */
import type { HttpRouteMatch } from "../../model/gateway-api/route.ts";
import type { Node } from "../node.ts";
import { anyText, choice } from "../read-values.ts";
import { regex } from "../regex.ts";
import { quote } from "../tree.ts";
import { fieldPlace } from "./references.ts";
import { headerMatches, queryMatches } from "./value-match.ts";

type PathMatch = HttpRouteMatch["path"];

export const EVERY_PATH: PathMatch = { t: "PathPrefix", value: "/" };

export const METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"] as const;

export function httpRouteMatch(node: Node): HttpRouteMatch {
  const fields = node.fields({ known: ["path", "headers", "queryParams", "method"] });
  return {
    at: fieldPlace(node),
    path: fields.optional("path", pathMatch) ?? EVERY_PATH,
    headers: fields.optional("headers", headerMatches) ?? {},
    queryParams: fields.optional("queryParams", queryMatches) ?? {},
    method: fields.optional("method", choice(METHODS)),
  };
}

function pathMatch(node: Node): PathMatch {
  const fields = node.fields({ known: ["type", "value"] });
  const t = fields.optional("type", choice(["Exact", "PathPrefix", "RegularExpression"])) ?? "PathPrefix";
  const value = fields.optional("value", t === "RegularExpression" ? regex : path) ?? "/";
  return { t, value };
}

/** What normalization would change cannot be matched, so the API refuses it. */
const FORBIDDEN = /\/\/|\/\.\.?(\/|$)|%2f|#/i;

function path(node: Node): string {
  const value = anyText(node);
  if (/^\/[A-Za-z0-9/\-._~%!$&'()*+,;=:@]*$/.test(value) && !FORBIDDEN.test(value) && value.length <= 1024)
    return value;
  node.fail(`must be a path from "/" on, without "//", "/./", "/../", "%2f", "#" and "?", found ${quote(value)}`);
  return "/";
}

/**
 * One `match` of an http rule.
 *
 * @module
 */
import type { StringMatch } from "../model/match.ts";
import type { HttpMatch, SourceMatch } from "../model/virtual-service.ts";
import { gatewayReferences } from "./gateway-reference.ts";
import { dnsLabel, isHeaderName, labels } from "./names.ts";
import type { Fields, Node, Read } from "./node.ts";
import { flag, port, text } from "./read-values.ts";
import { headerMatch, stringMatch } from "./string-match.ts";
import { quote } from "./tree.ts";

const KNOWN = [
  "name",
  "uri",
  "scheme",
  "method",
  "authority",
  "headers",
  "withoutHeaders",
  "queryParams",
  "port",
  "ignoreUriCase",
  "gateways",
  "sourceLabels",
  "sourceNamespace",
  "statPrefix",
] as const;

/** @param namespace Of the rule, for the names of gateways. */
export const httpMatch =
  (namespace: string): Read<HttpMatch> =>
  (node) =>
    readMatch(node, namespace);

function readMatch(node: Node, namespace: string): HttpMatch {
  const fields = node.fields({ known: KNOWN });
  const one = (n: Node): StringMatch => stringMatch(n);
  const uri = fields.optional("uri", one);
  const ignoreUriCase = fields.optional("ignoreUriCase", flag) ?? false;
  if (ignoreUriCase && uri?.t === "regex")
    fields.at("ignoreUriCase")?.warn("has no effect on a regex: write (?i) in it");
  return {
    place: node.place,
    name: fields.optional("name", text),
    uri,
    ignoreUriCase,
    method: fields.optional("method", one),
    authority: fields.optional("authority", one),
    scheme: fields.optional("scheme", one),
    headers: fields.optional("headers", headerMatches) ?? {},
    withoutHeaders: fields.optional("withoutHeaders", headerMatches) ?? {},
    queryParams: fields.optional("queryParams", queryMatches) ?? {},
    port: fields.optional("port", port),
    gateways: fields.optional("gateways", gatewayReferences(namespace)),
    source: sourceMatch(fields),
    statPrefix: fields.optional("statPrefix", text),
  };
}

/** `sourceLabels` and `sourceNamespace` of any match: whose calls it is for. */
export function sourceMatch(fields: Fields<"sourceLabels" | "sourceNamespace" | "gateways">): SourceMatch {
  const source = {
    labels: fields.optional("sourceLabels", labels) ?? {},
    namespace: fields.optional("sourceNamespace", dnsLabel),
  };
  for (const name of ["sourceLabels", "sourceNamespace"] as const)
    if (fields.has("gateways")) fields.at(name)?.warn("has no effect beside gateways, as in Istio");
  return source;
}

/** Istio's documents say that these keys are passed over, and istiod matches headers of that name: so do we. */
const PSEUDO = new Set(["uri", "scheme", "method", "authority"]);

function headerMatches(node: Node): Readonly<Record<string, StringMatch>> {
  const matches = new Map<string, StringMatch>();
  for (const [key, at] of node.entries()) {
    const name = key.toLowerCase();
    if (key.startsWith("@request.auth.")) at.failAtKey("matching on the claims of a token is not supported yet");
    else if (PSEUDO.has(name))
      at.warn(`matches a header of that name, as in Istio; what is called is matched by match.${name}`);
    else if (!isHeaderName(key)) at.failAtKey(`${quote(key)} is not a header name`);
    if (matches.has(name)) at.failAtKey(`the header ${quote(name)} is matched twice: header names have no case`);
    matches.set(name, headerMatch(at));
  }
  return Object.fromEntries(matches);
}

/** Names as they are written in a URL: case counts. */
function queryMatches(node: Node): Readonly<Record<string, StringMatch>> {
  return Object.fromEntries(
    node.entries().map(([name, at]) => {
      if (name === "" || /[&=#\s]/.test(name)) at.failAtKey(`${quote(name)} is no name of a query parameter`);
      return [name, headerMatch(at)] as const;
    }),
  );
}

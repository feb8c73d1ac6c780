/**
 * The CORS filter, as the policy that Istio's `corsPolicy` becomes, too.
 *
 * @module
 */
import type { StringMatch } from "../../model/match.ts";
import type { CorsPolicy } from "../../model/virtual-service.ts";
import { isHeaderName } from "../names.ts";
import type { Node } from "../node.ts";
import { choice, flag, integer, MAX_INT32, textThat } from "../read-values.ts";
import { METHODS } from "./http-match.ts";
import { listOf } from "./lists.ts";

/** Source: the API's default of `maxAge`. */
const DEFAULT_MAX_AGE_SECONDS = 5;

export function corsFilter(node: Node): CorsPolicy {
  const fields = node.fields({
    known: ["allowOrigins", "allowCredentials", "allowMethods", "allowHeaders", "exposeHeaders", "maxAge"],
  });
  const names = listOf(nameOrStar, { max: 64, key: (v) => v.toLowerCase() });
  const methods = listOf(choice(["*", ...METHODS]), { max: 9, key: (v) => v });
  return {
    allowOrigins: alone(
      fields.optional("allowOrigins", listOf(origin, { max: 64, key: (v) => v })),
      fields.at("allowOrigins"),
    ).map(originMatch),
    allowMethods: alone(fields.optional("allowMethods", methods), fields.at("allowMethods")),
    allowHeaders: alone(fields.optional("allowHeaders", names), fields.at("allowHeaders")),
    exposeHeaders: fields.optional("exposeHeaders", names) ?? [],
    maxAgeSeconds: fields.optional("maxAge", integer(1, MAX_INT32)) ?? DEFAULT_MAX_AGE_SECONDS,
    allowCredentials: fields.optional("allowCredentials", flag),
    forwardsUnmatched: false,
  };
}

/** The star takes in all the others. */
function alone<T extends string>(values: readonly T[] | undefined, at: Node | undefined): readonly T[] {
  if (values !== undefined && values.length > 1 && values.some((v) => v === "*"))
    at?.fail('"*" stands for all, so nothing may stand beside it');
  return values ?? [];
}

const nameOrStar = textThat((v) => v === "*" || isHeaderName(v), "a header's name, or * for all");

const origin = textThat(
  (v) => v === "*" || /^https?:\/\/(\*|(\*\.)?[a-zA-Z0-9]([-a-zA-Z0-9.]*[a-zA-Z0-9])?)(:(\d{1,5}|\*))?$/.test(v),
  "an origin such as https://example.com or https://*.example.com, or * for all",
);

/** Browsers leave the scheme's own port out; a wildcard takes in any number of labels. */
function originMatch(value: string): StringMatch {
  if (value === "*") return { t: "exact", value };
  const plain = value.toLowerCase().replace(/^(http:.*):80$|^(https:.*):443$/, "$1$2");
  if (!plain.includes("*")) return { t: "exact", value: plain };
  const [scheme = "", rest = ""] = plain.split("//");
  const [host = "", port] = rest.split(":");
  const hosts = host === "*" ? "[^/:]+" : host.replaceAll(".", "\\.").replace("*", "[^/:]+");
  const ports = port === undefined ? "" : port === "*" ? "(:\\d+)?" : `:${port}`;
  return { t: "regex", value: `${scheme}//${hosts}${host === "*" && port === undefined ? "(:\\d+)?" : ports}` };
}

/**
 * `corsPolicy` of an http rule. Source: networking.istio.io CorsPolicy.
 *
 * @module
 */
import type { StringMatch } from "../model/match.ts";
import type { CorsPolicy } from "../model/virtual-service.ts";
import { isHeaderName } from "./names.ts";
import type { Fields, Node } from "./node.ts";
import { choice, durationOrZero, flag, text, textThat } from "./read-values.ts";
import { stringMatch } from "./string-match.ts";

const KNOWN = [
  "allowOrigins",
  "allowOrigin",
  "allowMethods",
  "allowHeaders",
  "exposeHeaders",
  "maxAge",
  "allowCredentials",
  "unmatchedPreflights",
] as const;

export function corsPolicy(node: Node): CorsPolicy {
  const fields = node.fields({ known: KNOWN });
  const allowOrigins = origins(fields);
  const allowCredentials = fields.optional("allowCredentials", flag);
  if (allowCredentials === true && allowOrigins.some(isAny))
    fields.at("allowCredentials")?.warn("every origin may call with the credentials of a user: name the origins");
  return {
    allowOrigins,
    allowMethods: fields.list("allowMethods", nameOrStar),
    allowHeaders: fields.list("allowHeaders", nameOrStar),
    exposeHeaders: fields.list("exposeHeaders", nameOrStar),
    maxAgeSeconds: fields.optional("maxAge", seconds),
    allowCredentials,
    forwardsUnmatched:
      fields.optional("unmatchedPreflights", choice(["UNSPECIFIED", "FORWARD", "IGNORE"])) !== "IGNORE",
  };
}

/** As Istio: the old field counts only where the new one is not there. */
function origins(fields: Fields<(typeof KNOWN)[number]>): readonly StringMatch[] {
  const given = fields.list("allowOrigins", (n) => stringMatch(n));
  const old = fields.list("allowOrigin", (n): StringMatch => ({ t: "exact", value: text(n) }));
  const at = fields.at("allowOrigin");
  at?.warn("is deprecated [IST0002]: write allowOrigins: [{exact: …}]");
  if (fields.has("allowOrigins")) at?.failAtKey("cannot stand beside allowOrigins");
  if (given.length + old.length === 0 && fields.node.tree.t === "map")
    fields.node.warn("has no allowOrigins, so no origin is allowed");
  return fields.has("allowOrigins") ? given : old;
}

const isAny = (match: StringMatch): boolean =>
  (match.t === "exact" && match.value === "*") || (match.t === "regex" && /^\^?\.[*+]\$?$/.test(match.value));

/** What stands in a list that becomes one header. */
const nameOrStar = textThat((v) => v === "*" || isHeaderName(v), "a name, or * for all that is asked for");

function seconds(node: Node): number {
  const ms = durationOrZero(node);
  if (ms % 1000 !== 0) node.mustBe("whole seconds, which is what browsers are told");
  return Math.floor(ms / 1000);
}

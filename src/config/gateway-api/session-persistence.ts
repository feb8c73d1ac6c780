/**
 * `sessionPersistence` of a rule.
 *
 * @module
 */
import type { SessionPersistence } from "../../model/gateway-api/route.ts";
import type { Node } from "../node.ts";
import { choice, textThat } from "../read-values.ts";
import { gatewayDuration } from "./durations.ts";
import { fieldPlace } from "./references.ts";

/** It becomes the name of a cookie or of a header. */
const sessionName = textThat(
  (v) => v.length <= 128 && /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(v),
  "a name of a cookie or header",
);

export function sessionPersistence(node: Node): SessionPersistence {
  const fields = node.fields({ known: ["sessionName", "absoluteTimeout", "idleTimeout", "type", "cookieConfig"] });
  const type = fields.optional("type", choice(["Cookie", "Header"])) ?? "Cookie";
  const absoluteTimeoutMs = fields.optional("absoluteTimeout", timeout);
  const cookie = fields.at("cookieConfig");
  const lifetime =
    cookie?.fields({ known: ["lifetimeType"] }).optional("lifetimeType", choice(["Session", "Permanent"])) ?? "Session";
  if (type === "Header") cookie?.failAtKey("cannot stand beside the type Header");
  if (lifetime === "Permanent" && absoluteTimeoutMs === undefined)
    cookie?.fail('a Permanent cookie needs "absoluteTimeout"');
  return {
    at: fieldPlace(node),
    type,
    sessionName: fields.optional("sessionName", sessionName),
    absoluteTimeoutMs,
    idleTimeoutMs: fields.optional("idleTimeout", timeout),
    lifetime,
  };
}

function timeout(node: Node): number {
  const ms = gatewayDuration(node);
  if (ms === 0) node.fail("must be more than 0s: a session that is over at once is none");
  return ms;
}

/**
 * `outlierDetection` of a traffic policy.
 *
 * @module
 */
import type { OutlierDetection } from "../model/destination-rule.ts";
import type { Node } from "./node.ts";
import { duration, flag, integer, MAX_UINT32 } from "./read-values.ts";

const count = integer(0, MAX_UINT32);
const percent = integer(0, 100);

export function outlierDetection(node: Node): OutlierDetection {
  const fields = node.fields({
    known: [
      "consecutive5xxErrors",
      "consecutiveGatewayErrors",
      "splitExternalLocalOriginErrors",
      "consecutiveLocalOriginFailures",
      "interval",
      "baseEjectionTime",
      "maxEjectionPercent",
      "minHealthPercent",
      "consecutiveErrors",
      "outlierDetectionHttpErrorCodes",
    ],
  });
  fields.optional("consecutiveErrors", count);
  fields
    .at("consecutiveErrors")
    ?.warn("has no effect, as in Istio, which has given it up [IST0002]: write consecutive5xxErrors");
  const split = fields.optional("splitExternalLocalOriginErrors", flag) ?? false;
  const local = fields.optional("consecutiveLocalOriginFailures", count);
  if (!split && local !== undefined && local > 0) {
    fields.at("consecutiveLocalOriginFailures")?.fail("needs splitExternalLocalOriginErrors: true beside it");
  }
  const ejection = fields.optional("maxEjectionPercent", percent);
  if (ejection === 0) fields.at("maxEjectionPercent")?.warn("0 is read as not set, as in Istio: 10 holds");
  return {
    consecutive5xxErrors: fields.optional("consecutive5xxErrors", count),
    consecutiveGatewayErrors: fields.optional("consecutiveGatewayErrors", count),
    splitExternalLocalOriginErrors: split,
    consecutiveLocalOriginFailures: local,
    intervalMs: fields.optional("interval", duration),
    baseEjectionTimeMs: fields.optional("baseEjectionTime", duration),
    maxEjectionPercent: ejection === 0 ? undefined : ejection,
    minHealthPercent: fields.optional("minHealthPercent", percent),
    ...(fields.has("outlierDetectionHttpErrorCodes")
      ? { errorCodes: fields.list("outlierDetectionHttpErrorCodes", integer(100, 599)) }
      : {}),
  };
}

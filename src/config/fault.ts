/**
 * `fault` of an http rule: delays and aborts.
 *
 * `exponentialDelay` and `http2Error` stand in Istio's API and nowhere else: its validation refuses them, and where nobody validates they do nothing.
 *
 * The percentage is `{value: 0.1}` (0 to 100, fractions allowed); where it is absent no call gets the fault.
 *
 * @module
 */
import { GRPC_STATUSES } from "../base/grpc-statuses.ts";
import type { Fault } from "../model/virtual-service.ts";
import type { Fields, Node } from "./node.ts";
import { choice, duration, integer, number } from "./read-values.ts";

export function fault(node: Node): Fault {
  const fields = node.fields({ known: ["delay", "abort"] });
  fields.oneOrMoreOf(["delay", "abort"]);
  return { delay: fields.optional("delay", delay), abort: fields.optional("abort", abort) };
}

function delay(node: Node): Fault["delay"] {
  const fields = node.fields({
    known: ["percentage", "percent", "fixedDelay"],
    unsupported: [{ name: "exponentialDelay", instead: "Istio refuses it too; write fixedDelay" }],
  });
  const old = fields.optional("percent", integer(0, 100));
  if (old !== undefined) fields.at("percent")?.warn("is deprecated [IST0002]: write percentage: {value: …}");
  if (old !== undefined && fields.has("percentage")) fields.at("percent")?.failAtKey("cannot stand beside percentage");
  return {
    percentage: old ?? percentage(fields),
    fixedDelayMs: fields.required("fixedDelay", duration, 1),
  };
}

function abort(node: Node): Fault["abort"] {
  const fields = node.fields({
    known: ["percentage", "httpStatus", "grpcStatus"],
    unsupported: [{ name: "http2Error", instead: "Istio refuses it too; write httpStatus or grpcStatus" }],
  });
  if (!(node.tree.t === "map" && node.tree.entries.has("http2Error"))) fields.oneOrMoreOf(["httpStatus", "grpcStatus"]);
  if (fields.has("httpStatus")) fields.at("grpcStatus")?.failAtKey("cannot stand beside httpStatus");
  return {
    percentage: percentage(fields),
    httpStatus: fields.optional("httpStatus", integer(200, 599)),
    grpcStatus: fields.optional("grpcStatus", (n) => GRPC_STATUSES.indexOf(choice(GRPC_STATUSES)(n))),
  };
}

function percentage(fields: Fields<"percentage">): number {
  const value = fields.optional(
    "percentage",
    (n) => n.fields({ known: ["value"] }).optional("value", number(0, 100)) ?? 0,
  );
  if (value === undefined && fields.node.tree.t === "map")
    fields.node.warn("has no percentage, so it happens to no call");
  return value ?? 0;
}

/**
 * Parameters of a GatewayClass or a Gateway: an implementation's own kind, of which there is none here.
 *
 * @module
 */
import type { ObjectReference } from "../reference.ts";
import type { Fault } from "./attachment.ts";

/** Why `parametersRef` cannot be followed; undefined where there is none. */
export function unreadableParameters(
  what: "GatewayClass" | "Gateway",
  ref: ObjectReference | undefined,
): Fault<"InvalidParameters"> | undefined {
  if (ref === undefined) return undefined;
  const message = `no kind holds parameters of a ${what} here, found ${ref.kind}: leave parametersRef out`;
  return { reason: "InvalidParameters", message, at: ref.at };
}

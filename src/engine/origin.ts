/**
 * The document that a resource comes from. The translation writes it into `metadata` under {@link ORIGIN_NAMESPACE}.
 *
 * @module
 */
import type { Metadata } from "../xds/proto/core-base.ts";
import type { JsonObject, JsonValue } from "../xds/types/struct.ts";

/** Key in `metadata.filter_metadata`: `{ kind, namespace, name, file?, line?, column?, rule? }`. */
export const ORIGIN_NAMESPACE = "tulle";

export interface RouteOrigin {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly file: string | undefined;
  readonly line: number | undefined;
  readonly column: number | undefined;
  /** The name or number of the rule within the document. */
  readonly rule: string | undefined;
}

/** Undefined when the metadata name no document, as with resources of another control plane. */
export function originOf(metadata: Metadata | undefined): RouteOrigin | undefined {
  const found = metadata?.filterMetadata?.[ORIGIN_NAMESPACE];
  const kind = text(found?.["kind"]);
  if (found === undefined || kind === undefined) return undefined;
  const place = placeOf(found);
  return {
    kind,
    namespace: text(found["namespace"]) ?? "",
    name: text(found["name"]) ?? "",
    file: text(place["file"]),
    line: number(place["line"]),
    column: number(place["column"]),
    rule: text(found["rule"]) ?? number(found["rule"])?.toString(),
  };
}

/** The model's origins keep the place in an object of its own. */
function placeOf(found: JsonObject): JsonObject {
  const { place } = found as { readonly place?: JsonValue };
  return typeof place === "object" && place !== null && !Array.isArray(place) ? (place as JsonObject) : found;
}

const text = (value: JsonValue | undefined): string | undefined => (typeof value === "string" ? value : undefined);
const number = (value: JsonValue | undefined): number | undefined => (typeof value === "number" ? value : undefined);

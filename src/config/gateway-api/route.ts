/**
 * What the documents of all routes have in common: parents, hostnames, names of rules, backends.
 *
 * @module
 */
import type { ParentReference } from "../../model/gateway-api/reference.ts";
import type { RouteBackend, WeightedBackend } from "../../model/gateway-api/route.ts";
import type { Node, Read } from "../node.ts";
import { integer } from "../read-values.ts";
import { listOf } from "./lists.ts";
import { hostname } from "./names.ts";
import { BACKEND_FIELDS, backendFields, parentReference } from "./references.ts";

const MAX_WEIGHT = 1_000_000;

export const parents = (namespace: string): Read<readonly ParentReference[]> =>
  listOf(parentReference(namespace), {
    max: 32,
    key: (p) => [p.group, p.kind, p.namespace, p.name, p.sectionName ?? "", p.port ?? ""].join(" "),
  });

export const hostnames: Read<readonly string[]> = listOf(hostname, { max: 16 });

/** Rules, whose names stand once. */
export const rules = <T extends { readonly name: string | undefined }>(
  read: Read<T>,
  max: number,
): Read<readonly T[]> => listOf(read, { min: 1, max, key: (rule) => rule.name });

export const weight = integer(0, MAX_WEIGHT);

export const weightedBackend =
  (namespace: string): Read<WeightedBackend> =>
  (node: Node) => {
    const fields = node.fields({ known: [...BACKEND_FIELDS, "weight"] });
    return { ref: backendFields(fields, namespace), weight: fields.optional("weight", weight) ?? 1 };
  };

/** Of several backends a session chooses one, which a route with what that backend alone does could not. */
export function checkSession(
  {
    sessionPersistence,
    backends,
  }: { readonly sessionPersistence: unknown; readonly backends: readonly RouteBackend[] },
  at: Node | undefined,
): void {
  const hasOwn = backends.some(
    ({ filters: f }) =>
      f.redirect !== undefined ||
      f.rewrite !== undefined ||
      f.mirrors.length + f.unsupported.length > 0 ||
      f.cors !== undefined,
  );
  if (sessionPersistence !== undefined && backends.length > 1 && hasOwn)
    at?.failAtKey(
      "is not supported beside several backends of which one has filters other than header modifiers: put those at the rule",
    );
}

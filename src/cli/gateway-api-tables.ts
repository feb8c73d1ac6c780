/**
 * Documents of the Gateway API as `tulle status` prints them: what is attached, and why something is not.
 *
 * @module
 */
import type { ConditionedDocument, ConditionStatus } from "../admin/api.ts";
import { columns } from "./columns.ts";
import type { Paint } from "./paint.ts";

/** Nothing where there are no such documents. */
export function gatewayApiTables(documents: readonly ConditionedDocument[], paint: Paint): readonly string[] {
  const name = ({ kind, namespace, name }: ConditionedDocument): string => `${kind} ${namespace}/${name}`;
  const listeners = documents.flatMap((document) =>
    (document.listeners ?? []).map((l) => [
      name(document),
      l.name,
      String(l.attachedRoutes),
      verdict(l.conditions, paint),
    ]),
  );
  const parents = documents.flatMap((document) =>
    (document.parents ?? []).map((p) => [name(document), p.parent, verdict(p.conditions, paint)]),
  );
  const gateways = documents.flatMap((document) =>
    document.listeners === undefined ? [] : [[name(document), verdict(document.conditions ?? [], paint)]],
  );
  return [
    ...(gateways.length === 0 ? [] : [columns(["GATEWAY", "STATE"], gateways, paint)]),
    ...(listeners.length === 0 ? [] : [columns(["GATEWAY", "LISTENER", "ROUTES", "STATE"], listeners, paint)]),
    ...(parents.length === 0 ? [] : [columns(["DOCUMENT", "ATTACHED TO", "STATE"], parents, paint)]),
  ];
}

/** Conditions that would be bad news where they hold. */
const NEGATIVE = ["Conflicted", "InsecureFrontendValidationMode"];

/** `ok`, or the reasons why not. */
function verdict(conditions: readonly ConditionStatus[], paint: Paint): string {
  const bad = conditions.filter(({ type, status }) => (status === "True") === NEGATIVE.includes(type));
  const reasons = [...new Set(bad.map(({ reason, message }) => `${reason}: ${message}`))];
  return reasons.length === 0 ? paint.green("ok") : paint.red(reasons.join("; "));
}

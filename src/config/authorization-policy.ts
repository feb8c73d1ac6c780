/**
 * AuthorizationPolicy to the model. Source: security.istio.io AuthorizationPolicy and Istio's validation of it.
 *
 * What is not read yet is refused with the policy: a rule that lost a condition would allow, or deny, more than was meant.
 *
 * @module
 */
import type { AuthorizationPolicy } from "../model/security.ts";
import { authorizationRule } from "./authorization-rule.ts";
import { type DocumentBody, specFields } from "./document.ts";
import { selector } from "./names.ts";
import type { Node } from "./node.ts";
import { choice } from "./read-values.ts";
import { pathStep, quote } from "./tree.ts";

const DRY_RUN = "istio.io/dry-run";

export function readAuthorizationPolicy(body: DocumentBody): AuthorizationPolicy {
  const spec = specFields(body, ["selector", "action", "rules"], ["targetRef", "targetRefs", "provider"]);
  const action = spec.optional("action", readAction) ?? "ALLOW";
  const rules = spec.list("rules", authorizationRule(body.metadata.namespace));
  if (action === "DENY" && !spec.has("rules"))
    spec.node.fail("action DENY needs rules: without any it denies nothing; write rules: [{}] to deny all");
  return {
    origin: body.origin,
    selector: spec.optional("selector", selector),
    serviceAccount: undefined,
    action,
    dryRun: readDryRun(body),
    rules,
  };
}

function readAction(node: Node): "ALLOW" | "DENY" {
  const action = choice(["ALLOW", "DENY", "AUDIT", "CUSTOM"])(node);
  if (action === "ALLOW" || action === "DENY") return action;
  node.fail(`action ${action} is not supported yet`);
  return "DENY";
}

/** A dry run that a typing error turns into enforcement, or the other way round, must not pass. */
function readDryRun(body: DocumentBody): boolean {
  const value = body.metadata.annotations[DRY_RUN];
  if (value === undefined || value === "false") return false;
  if (value !== "true")
    body.node.fail(`annotations${pathStep(DRY_RUN)} must be "true" or "false", found ${quote(value)}`);
  return true;
}

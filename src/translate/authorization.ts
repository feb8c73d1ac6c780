/**
 * The RBAC filters of a workload's port: DENY first, then ALLOW.
 *
 * Source: Istio. Policies of the root namespace and of the workload's hold for it when they select it. Where an ALLOW policy holds,
 * what no rule of it allows is refused; where none does, everything that is not denied passes. Dry-run policies become
 * shadow rules of the same filter, whose results have the prefix `istio_dry_run_allow_` or `istio_dry_run_deny_`.
 *
 * @module
 */
import type { Mesh } from "../model/mesh.ts";
import { type AuthorizationPolicy, policyId } from "../model/security.ts";
import type { Workload } from "../model/service.ts";
import { policiesFor as selectedPolicies } from "../model/workload-policies.ts";
import type { HttpRbac } from "../xds/proto/filter-http-rbac.ts";
import type { Policy, Rbac } from "../xds/proto/rbac.ts";
import type { ListenerPort } from "./rbac-permissions.ts";
import { nothing, rbacPolicy, type RuleContext } from "./rbac-rule.ts";
import { lookUp } from "./reads.ts";
import { type Source, sourceOf } from "./source.ts";

export interface AuthorizationInput {
  readonly mesh: Mesh;
  readonly workload: Workload;
  /** False for opaque connections. */
  readonly http: boolean;
  /** Where undefined, ports in rules are matched as they are written. */
  readonly at: ListenerPort | undefined;
}

export interface Authorization {
  /** In the order in which they are asked. */
  readonly filters: readonly Pick<HttpRbac, "rules" | "shadowRules" | "shadowRulesStatPrefix">[];
  /** By the names of the filters' policies. */
  readonly sources: Readonly<Record<string, Source>>;
}

export function authorization(input: AuthorizationInput): Authorization {
  const policies = policiesFor(input.mesh, input.workload);
  const filters = (["DENY", "ALLOW"] as const).flatMap((action) => {
    const own = policies.filter((p) => p.action === action);
    return own.length === 0 ? [] : [rbacFilter(own, { ...context(input), action })];
  });
  return { filters, sources: Object.fromEntries(policies.flatMap(ruleSources)) };
}

/** Whether a policy of `workload` looks at the name that TLS clients ask for. */
export const asksForSni = (mesh: Mesh, workload: Workload): boolean =>
  policiesFor(mesh, workload).some((p) => p.rules.some((r) => r.when.some((c) => c.key === "connection.sni")));

const policiesFor = (mesh: Mesh, workload: Workload): readonly AuthorizationPolicy[] =>
  lookUp(mesh, selectedPolicies, workload);

const context = ({ mesh, http, at }: AuthorizationInput): Omit<RuleContext, "action"> => ({
  trustDomain: mesh.settings.trustDomain,
  http,
  at,
});

function rbacFilter(policies: readonly AuthorizationPolicy[], rule: RuleContext): Authorization["filters"][number] {
  const shadow = rules(
    policies.filter((p) => p.dryRun),
    rule,
  );
  const prefix = shadow !== undefined && rule.action === "DENY" ? "istio_dry_run_deny_" : "istio_dry_run_allow_";
  return {
    rules: rules(
      policies.filter((p) => !p.dryRun),
      rule,
    ),
    shadowRules: shadow,
    shadowRulesStatPrefix: prefix,
  };
}

/** Undefined without policies, which enforces nothing; ALLOW with policies that cannot match refuses everything. */
function rules(policies: readonly AuthorizationPolicy[], context: RuleContext): Rbac | undefined {
  if (policies.length === 0) return undefined;
  const entries = policies.flatMap((policy) => rbacPolicies(policy, context));
  return { action: context.action, policies: Object.fromEntries(entries) };
}

function rbacPolicies(policy: AuthorizationPolicy, context: RuleContext): readonly (readonly [string, Policy])[] {
  if (policy.rules.length === 0) return [[policyName(policy, 0), nothing]];
  return policy.rules.flatMap((rule, i) => {
    const made = rbacPolicy(rule, context);
    return made === undefined ? [] : [[policyName(policy, i), made] as const];
  });
}

function ruleSources(policy: AuthorizationPolicy): readonly (readonly [string, Source])[] {
  if (policy.rules.length === 0) return [[policyName(policy, 0), sourceOf(policy.origin)]];
  return policy.rules.map((rule, i) => [policyName(policy, i), sourceOf(policy.origin, rule.place)] as const);
}

/** As Istio's, which tools read. */
const policyName = (policy: AuthorizationPolicy, rule: number): string =>
  `ns[${policy.origin.namespace}]-policy[${policyId(policy)}]-rule[${rule}]`;

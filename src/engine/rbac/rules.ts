/**
 * Sets of RBAC policies, compiled into a verdict.
 *
 * Source: `envoy.config.rbac.v3.RBAC`. Policies are tried in the order of their names; the first that matches is named
 * in the details. ALLOW lets through what some policy matches, DENY what none does, LOG everything.
 *
 * @module
 */
import type { Policy, Rbac } from "../../xds/proto/rbac.ts";
import { fieldPath, refuseOthers } from "../compile-error.ts";
import type { Check } from "../match/check.ts";
import type { PeerView, RequestView } from "../request.ts";
import type { Trace } from "../trace.ts";
import { conjunction, disjunction } from "./conditions.ts";
import { compilePermission } from "./permission.ts";
import { compilePrincipal, type RemoteAddressOf } from "./principal.ts";

/** Made once for each policy. */
export interface Verdict {
  readonly allowed: boolean;
  /** The policy that matched; undefined for none. */
  readonly policy: string | undefined;
  /** `rbac_access_denied_matched_policy[…]`; what was denied is logged with it. */
  readonly details: string;
}

export interface Rules {
  evaluate(request: RequestView, peer: PeerView, trace: Trace | undefined): Verdict;
}

interface NamedPolicy {
  readonly name: string;
  readonly check: Check;
  readonly verdict: Verdict;
}

/** @param shadow Recorded only; said in traces. @throws {CompileError} */
export function compileRules(rbac: Rbac, remote: RemoteAddressOf, shadow: boolean, path: string): Rules {
  refuseOthers(rbac, path, new Set(["action", "policies"]));
  const action = rbac.action ?? "ALLOW";
  const whenMatched = action !== "DENY";
  const policies = Object.entries(rbac.policies ?? {})
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, policy]): NamedPolicy => {
      const check = compilePolicy(policy, remote, `${fieldPath(path, "policies")}["${name}"]`);
      return { name, check, verdict: verdictOf(whenMatched, name) };
    });
  const otherwise = verdictOf(action !== "ALLOW", undefined);
  return {
    evaluate(request, peer, trace) {
      if (trace !== undefined) return evaluateTracing(policies, otherwise, action, shadow, request, peer, trace);
      for (const { check, verdict } of policies) if (check.test(request, peer)) return verdict;
      return otherwise;
    },
  };
}

/** One permission and one principal must hold. */
function compilePolicy(policy: Policy, remote: RemoteAddressOf, path: string): Check {
  const permissions = (policy.permissions ?? []).map((p, i) => compilePermission(p, `${path}.permissions[${i}]`));
  const principals = (policy.principals ?? []).map((p, i) => compilePrincipal(p, remote, `${path}.principals[${i}]`));
  return conjunction(
    [disjunction(permissions, `${path}.permissions`), disjunction(principals, `${path}.principals`)],
    path,
  );
}

function verdictOf(allowed: boolean, policy: string | undefined): Verdict {
  // A log line's fields are told apart by spaces.
  const name = (policy ?? "none").replace(/\s/g, "_");
  return { allowed, policy, details: `rbac_access_denied_matched_policy[${name}]` };
}

function evaluateTracing(
  policies: readonly NamedPolicy[],
  otherwise: Verdict,
  action: string,
  shadow: boolean,
  request: RequestView,
  peer: PeerView,
  trace: Trace,
): Verdict {
  const mark = shadow ? ({ shadow: true } as const) : {};
  for (const { name, check, verdict } of policies) {
    const matches = check.test(request, peer);
    const reason = `${action} policy: ${check.explain(request, peer)}`;
    const outcome = verdict.allowed ? "allowed" : "denied";
    trace.push({ step: "policy", subject: name, verdict: matches ? outcome : "notMatched", reason, ...mark });
    if (matches) return verdict;
  }
  const reason = `no ${action} policy matched`;
  trace.push({ step: "policy", subject: "none", verdict: otherwise.allowed ? "allowed" : "denied", reason, ...mark });
  return otherwise;
}

/**
 * One rule of an AuthorizationPolicy as an RBAC policy of Envoy.
 *
 * Within it, `from` are alternatives, `to` are alternatives, and everything of `when` must hold for each of them. On an
 * opaque connection HTTP fields cannot be asked: such a rule of ALLOW is left out, and such a field of DENY is, which makes
 * the rule wider. Both fail closed. The same is done with a condition whose key is not known.
 *
 * @module
 */
import type { AuthorizationCondition, AuthorizationPolicy, AuthorizationRule } from "../model/security.ts";
import type { Permission, Policy, Principal } from "../xds/proto/rbac.ts";
import { conditionPermission, type ListenerPort, operationTerms, type PermissionTerm } from "./rbac-permissions.ts";
import { conditionPrincipal, headerOfKey, type PrincipalTerm, sourceTerms } from "./rbac-principals.ts";

export interface RuleContext {
  readonly action: AuthorizationPolicy["action"];
  readonly trustDomain: string;
  readonly http: boolean;
  readonly at: ListenerPort | undefined;
}
import { conditionTerm, group, type WrittenPolicy, writtenConditions } from "./rbac-written.ts";

/** Matches nothing: what a policy without rules is. */
export const nothing: Policy = {
  permissions: [{ notRule: { any: true } }],
  principals: [{ notId: { any: true } }],
};

/** Undefined when the rule cannot match here. */
export function rbacPolicy(rule: AuthorizationRule, context: RuleContext): Policy | undefined {
  const terms = ruleTerms(rule, context);
  if (terms === undefined) return undefined;
  return {
    permissions: terms.permissions.map((each) => ({
      andRules: { rules: orAnything(each.flatMap(permissionRules)) },
    })),
    principals: terms.principals.map((each) => ({
      andIds: { ids: orAnything(each.flatMap(principalIds)) },
    })),
  };
}

/** The same policy, by what was written: as the engine joins conditions, so that its reasons can be read beside it. */
export function writtenPolicy(rule: AuthorizationRule, context: RuleContext): WrittenPolicy | undefined {
  const terms = ruleTerms(rule, context);
  if (terms === undefined) return undefined;
  const alternatives = (name: string, lists: readonly (readonly Term[])[]): WrittenPolicy =>
    group(
      lists.map((list, i) =>
        group(orAnything(list.flatMap(({ written }) => writtenConditions(written, `${name}[${i}].`)))),
      ),
    );
  return group([alternatives("to", terms.permissions), alternatives("from", terms.principals)]);
}

interface RuleTerms {
  readonly permissions: readonly (readonly PermissionTerm[])[];
  readonly principals: readonly (readonly PrincipalTerm[])[];
}

function ruleTerms(rule: AuthorizationRule, { action, at, trustDomain, http }: RuleContext): RuleTerms | undefined {
  const unknown = rule.when.some((c) => !isKnown(c.key));
  if (unknown && action === "ALLOW") return undefined;
  const whenPermissions = rule.when.map((c, i) => permissionCondition(c, i, at));
  const whenPrincipals = rule.when.map((c, i) => principalCondition(c, i, trustDomain));
  const operations = rule.to.length === 0 ? [[]] : rule.to.map((o) => operationTerms(o, at));
  const sources = rule.from.length === 0 ? [[]] : rule.from.map((s) => sourceTerms(s, trustDomain));
  const permissions = operations.map((terms) => [...terms, ...whenPermissions].filter(asks));
  const principals = sources.map((terms) => [...terms, ...whenPrincipals].filter(asks));
  const usesHttp = [...permissions, ...principals].flat().some(isHttpOnly);
  if (!http && usesHttp && action === "ALLOW") return undefined;
  const usable = (term: Term): boolean => http || !isHttpOnly(term);
  return {
    permissions: permissions.map((terms) => terms.filter(usable)),
    principals: principals.map((terms) => terms.filter(usable)),
  };
}

const isKnown = (key: string): boolean =>
  conditionPermission(key, undefined) !== undefined || conditionPrincipal(key, "") !== undefined;

type Term = PermissionTerm | (PrincipalTerm & { readonly httpOnly?: boolean });

const asks = (term: Term): boolean => term.any.length > 0 || term.none.length > 0;
const isHttpOnly = (term: Term): boolean => term.httpOnly === true;
const ANYTHING = { any: true } as const;
const orAnything = <T>(list: readonly T[]): readonly (T | typeof ANYTHING)[] => (list.length === 0 ? [ANYTHING] : list);

function permissionRules({ any, none }: PermissionTerm): readonly Permission[] {
  const rules: Permission[] = [];
  if (any.length > 0) rules.push({ orRules: { rules: any } });
  if (none.length > 0) rules.push({ notRule: { orRules: { rules: none } } });
  return rules;
}

function principalIds({ any, none }: PrincipalTerm): readonly Principal[] {
  const ids: Principal[] = [];
  if (any.length > 0) ids.push({ orIds: { ids: any } });
  if (none.length > 0) ids.push({ notId: { orIds: { ids: none } } });
  return ids;
}

function permissionCondition(c: AuthorizationCondition, index: number, at: ListenerPort | undefined): PermissionTerm {
  const ask = conditionPermission(c.key, at);
  const written = conditionTerm(c, index);
  if (ask === undefined) return { any: [], none: [], written, httpOnly: false };
  return { any: c.values.map(ask), none: c.notValues.map(ask), written, httpOnly: false };
}

function principalCondition(
  c: AuthorizationCondition,
  index: number,
  trustDomain: string,
): PrincipalTerm & { readonly httpOnly: boolean } {
  const ask = conditionPrincipal(c.key, trustDomain);
  const httpOnly = headerOfKey(c.key) !== undefined;
  const written = conditionTerm(c, index);
  if (ask === undefined) return { any: [], none: [], written, httpOnly };
  return { any: c.values.map(ask), none: c.notValues.map(ask), written, httpOnly };
}

/**
 * The HTTP RBAC filter.
 *
 * Source: `envoy.extensions.filters.http.rbac.v3.RBAC`: shadow rules are evaluated first and recorded, then the rules are
 * enforced. Without rules everything passes; a route without `rbac` in its override turns the filter off.
 *
 * @module
 */
import { HttpRbac, HttpRbacPerRoute } from "../../xds/proto/filter-http-rbac.ts";
import { fieldPath, refuseOthers, unpackAt } from "../compile-error.ts";
import { replyOf } from "../failures.ts";
import type { Observer } from "../observer.ts";
import { compileRules, type Rules, type Verdict } from "../rbac/rules.ts";
import type { Reply } from "../http.ts";
import type { FilterContext, FilterType } from "./filter-type.ts";
import type { FilterStep, RouteTarget } from "./target.ts";

const KNOWN = new Set(["rules", "shadowRules", "rulesStatPrefix", "shadowRulesStatPrefix", "trackPerRuleStats"]);

export const RBAC_FILTER: FilterType = {
  message: HttpRbac,
  compile: (config, path, context) => compileRbac(unpackAt(config, HttpRbac, path), path, context),
  compileForRoute(config, path, context) {
    const { rbac } = unpackAt(config, HttpRbacPerRoute, path);
    return rbac === undefined ? undefined : compileRbac(rbac, `${path}.rbac`, context);
  },
};

function compileRbac(rbac: HttpRbac, path: string, { settings, observer }: FilterContext): FilterStep | undefined {
  refuseOthers(rbac, path, KNOWN);
  const { rules, shadowRules, rulesStatPrefix = "", shadowRulesStatPrefix = "" } = rbac;
  const compile = (message: typeof rules, shadow: boolean, field: string): Rules | undefined =>
    message === undefined ? undefined : compileRules(message, settings.remoteAddressOf, shadow, fieldPath(path, field));
  const shadow = shadowStep(compile(shadowRules, true, "shadowRules"), shadowRulesStatPrefix, observer);
  const enforced = enforcedStep(compile(rules, false, "rules"), rulesStatPrefix, observer);
  if (shadow === undefined || enforced === undefined) return enforced ?? shadow;
  return (request, peer, target, random, trace) => {
    shadow(request, peer, target, random, trace);
    return enforced(request, peer, target, random, trace);
  };
}

function shadowStep(
  rules: Rules | undefined,
  statPrefix: string,
  observer: Observer | undefined,
): FilterStep | undefined {
  if (rules === undefined) return undefined;
  return (request, peer, _target, _random, trace) => {
    if (observer === undefined && trace === undefined) return undefined;
    const { allowed, policy } = rules.evaluate(request, peer, trace);
    observer?.rbac(statPrefix, true, allowed, policy);
    return undefined;
  };
}

function enforcedStep(
  rules: Rules | undefined,
  statPrefix: string,
  observer: Observer | undefined,
): FilterStep | undefined {
  if (rules === undefined) return undefined;
  return (request, peer, target, _random, trace) => {
    const verdict = rules.evaluate(request, peer, trace);
    observer?.rbac(statPrefix, false, verdict.allowed, verdict.policy);
    return verdict.allowed ? undefined : denied(verdict, target);
  };
}

function denied({ details }: Verdict, { clusterName, route, responseHeaders }: RouteTarget): Reply {
  return { ...replyOf("rbacDenied", "", { route, responseHeaders }), clusterName, details };
}

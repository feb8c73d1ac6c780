/**
 * What documents of the Gateway API say of a request, where the proxies' resources alone do not tell it: why a backend is none, and
 * which routes would be for a host but are not attached.
 *
 * @module
 */
import type { ParentOutcome } from "../../model/gateway-api/attachment/attachment.ts";
import { covers } from "../../model/gateway-api/attachment/hostnames.ts";
import type { ConnectionRouteRule, GrpcRouteRule, HttpRouteRule } from "../../model/gateway-api/route.ts";
import type { FieldPlace } from "../../model/gateway-api/reference.ts";
import type { Mesh } from "../../model/mesh.ts";
import { attachedTo } from "../../translate/gateway-api/attached.ts";
import type { Source } from "../../translate/source.ts";

/** Why backends of the rule at `source`, or with a match there, are none: `there is no Service shop/b [BackendNotFound]`. */
export function invalidBackends(mesh: Mesh, source: Source | undefined): string | undefined {
  const found = attachedTo(mesh).routes.find(
    ({ route: { t, document } }) =>
      t === source?.kind && document.meta.namespace === source.namespace && document.meta.name === source.name,
  );
  const isHere = ({ at: { place } }: { readonly at: FieldPlace }): boolean =>
    place.line === source?.line && place.column === source.column;
  for (const { rule, backends } of found?.route.rules ?? []) {
    if (![rule, ...(isRequestRule(rule) ? rule.matches : [])].some(isHere)) continue;
    const faults = backends.flatMap(({ target }) => (target.t === "invalid" ? [target] : []));
    const filters = isRequestRule(rule) ? rule.filters.unsupported.map(({ message }) => message) : [];
    return [...filters, ...faults.map(({ message, reason }) => `${message} [${reason}]`)].join("; ");
  }
  return undefined;
}

type Rule = HttpRouteRule | GrpcRouteRule | ConnectionRouteRule;

const isRequestRule = (rule: Rule): rule is HttpRouteRule | GrpcRouteRule => "matches" in rule;

/** Routes at a gateway that name the host, or no host at all, and are not attached. */
export function unattachedRoutes(mesh: Mesh, authority: string): readonly string[] {
  const host = authority.toLowerCase().replace(/:\d+$/, "");
  return attachedTo(mesh).routes.flatMap(({ route: { t, document }, parents }) => {
    const { hostnames, meta } = document;
    // No request comes to it, attached or not.
    if (t === "UDPRoute") return [];
    if (hostnames.length > 0 && !hostnames.some((h) => covers(h, host))) return [];
    return parents.flatMap(({ fault }: ParentOutcome) =>
      fault === undefined
        ? []
        : [`${t} ${meta.namespace}/${meta.name} is not attached: ${fault.message} [${fault.reason}]`],
    );
  });
}

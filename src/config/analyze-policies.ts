/**
 * Policies that do less, or more, than they seem to.
 *
 * @module
 */
import type { ClientTls, DestinationRule } from "../model/destination-rule.ts";
import type { AuthorizationPolicy, AuthorizationRule } from "../model/security.ts";
import type { Protocol } from "../model/service.ts";
import type { Finding, MeshIndex } from "./mesh-index.ts";

export function analyzePolicies(index: MeshIndex): readonly Finding[] {
  return [
    ...index.mesh.destinationRules.flatMap(uncheckedServers),
    ...index.mesh.authorizationPolicies.flatMap((policy) => deniedTcp(index, policy)),
  ];
}

function uncheckedServers(rule: DestinationRule): readonly Finding[] {
  const check = (tls: ClientTls | undefined, path: string, code: string): readonly Finding[] => {
    if (tls === undefined || (tls.mode !== "SIMPLE" && tls.mode !== "MUTUAL")) return [];
    if (tls.caCertificates !== undefined || tls.credentialName !== undefined) return [];
    const against = tls.insecureSkipVerify ? "not at all" : "against the roots of the operating system only";
    return [
      {
        severity: "warning",
        origin: rule.origin,
        path,
        message: `names no caCertificates, so the server is checked ${against} [${code}]`,
      },
    ];
  };
  return [
    ...check(rule.trafficPolicy.tls, "spec.trafficPolicy.tls", "IST0128"),
    ...rule.trafficPolicy.portLevel.flatMap((p, i) =>
      check(p.policy.tls, `spec.trafficPolicy.portLevelSettings[${i}].tls`, "IST0129"),
    ),
    ...rule.subsets.flatMap((s, i) => check(s.trafficPolicy.tls, `spec.subsets[${i}].trafficPolicy.tls`, "IST0128")),
  ];
}

const NOT_HTTP: ReadonlySet<Protocol> = new Set<Protocol>(["tcp", "tls", "https"]);

/** On a port without HTTP, a DENY rule takes each HTTP attribute as matching, so it closes the port. Istio does the same. */
function deniedTcp(index: MeshIndex, policy: AuthorizationPolicy): readonly Finding[] {
  if (policy.action !== "DENY") return [];
  const everywhere = policy.origin.namespace === index.mesh.settings.rootNamespace;
  const opaque = index.mesh.services.some(
    (s) => (everywhere || s.namespace === policy.origin.namespace) && s.ports.some((p) => NOT_HTTP.has(p.protocol)),
  );
  if (!opaque) return [];
  const message =
    "denies on HTTP attributes without naming ports, so all calls to ports that are not HTTP are denied too";
  return policy.rules.flatMap((rule, i) =>
    asksHttpOnly(rule)
      ? [{ severity: "warning" as const, origin: policy.origin, path: `spec.rules[${i}].to`, message }]
      : [],
  );
}

const asksHttpOnly = (rule: AuthorizationRule): boolean =>
  rule.to.length > 0 && rule.to.every((to) => to.ports.length === 0 && to.notPorts.length === 0);
